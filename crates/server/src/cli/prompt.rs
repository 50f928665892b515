//! What people type, and what scripts pipe in. Secrets are asked for without echo, on the terminal itself; prompts go to
//! standard error, so that standard output stays what was asked for.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use zeroize::Zeroizing;

use super::failure::Failure;

/// Larger than any secret the gateway takes.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Where a secret comes from. It never is an argument: other people's `ps` shows arguments.
#[derive(Clone, Copy)]
pub enum Source {
    /// All of standard input, without the line's end.
    Stdin,
    Terminal,
}

impl Source {
    pub const fn stdin_if(from_stdin: bool) -> Self {
        if from_stdin { Self::Stdin } else { Self::Terminal }
    }

    /// `flag` is the one that a script needs.
    pub fn secret(self, what: &str, flag: &str) -> anyhow::Result<Zeroizing<String>> {
        let text = match self {
            Self::Stdin => rest()?,
            Self::Terminal if io::stdin().is_terminal() => hidden(what)?,
            Self::Terminal => return Err(no_terminal(what, flag).into()),
        };
        if text.is_empty() {
            return Err(Failure::Usage(format!("nothing was given: {what}")).into());
        }
        Ok(text)
    }
}

/// What may be seen while it is typed. Without a terminal it has to be `flag`.
pub fn ask(what: &str, flag: &str) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        return Err(no_terminal(what, flag).into());
    }
    ask_line(what)
}

/// A question that is answered with yes, or not at all.
pub fn confirm(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(no_terminal(question, "--yes").into());
    }
    let answer = ask_line(&format!("{question} (y/N)"))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What may be seen; without a terminal a line of standard input.
pub fn ask_line(what: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        let mut out = io::stderr().lock();
        write!(out, "{what}: ")?;
        out.flush()?;
    }
    Ok(line()?.to_string())
}

/// Hidden at a terminal; without one a line of standard input.
pub fn secret_line(what: &str) -> anyhow::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() { hidden(what) } else { line() }
}

fn hidden(what: &str) -> anyhow::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(rpassword::prompt_password(format!("{what}: "))?))
}

fn line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn rest() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read == SECRET_BYTES_MAX) {
        return Err(
            Failure::Usage("standard input holds more than any secret has".to_owned()).into()
        );
    }
    let end = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(end.unwrap_or(&text).to_owned()))
}

fn no_terminal(what: &str, flag: &str) -> Failure {
    Failure::Usage(format!("standard input is no terminal to ask on ({what}): use {flag}"))
}
