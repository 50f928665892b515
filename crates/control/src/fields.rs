//! What people type: names, addresses, passwords. Refused with a reason, never silently mended.

use model::{BaseUrl, Refusal};

const NAME_CHARS_MAX: usize = 100;
const EMAIL_BYTES_MAX: usize = 254;
const PASSWORD_CHARS_MIN: usize = 10;
const PASSWORD_BYTES_MAX: usize = 1024;

/// A name for people: one line, not empty, not endless.
pub fn name(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::invalid(field, format!("{field} must not be empty")));
    }
    if text.chars().count() > NAME_CHARS_MAX {
        let public = format!("{field} must have at most {NAME_CHARS_MAX} characters");
        return Err(Refusal::invalid(field, public));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(field, format!("{field} must be one line of text")));
    }
    Ok(text.to_owned())
}

/// Lower case, so that one person cannot have two accounts by accident.
pub fn email_form(text: &str) -> String {
    text.trim().to_lowercase()
}

pub fn email(text: &str) -> Result<String, Refusal> {
    let text = email_form(text);
    let well_formed = text.len() <= EMAIL_BYTES_MAX
        && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if well_formed { Ok(text) } else { Err(Refusal::invalid("email", "email is not an address")) }
}

pub fn password<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Refusal> {
    if text.chars().count() < PASSWORD_CHARS_MIN {
        let public = format!("the password must have at least {PASSWORD_CHARS_MIN} characters");
        return Err(Refusal::invalid(field, public));
    }
    if text.len() > PASSWORD_BYTES_MAX {
        let public = format!("the password must have at most {PASSWORD_BYTES_MAX} bytes");
        return Err(Refusal::invalid(field, public));
    }
    Ok(text)
}

pub fn base_url(text: &str) -> Result<BaseUrl, Refusal> {
    BaseUrl::parse(text).map_err(|error| Refusal::invalid("base_url", format!("base_url: {error}")))
}

/// What the database can hold and a person can mean.
const LIMIT_MAX: u64 = 1 << 53;

/// A cap of nothing is a key that spends nothing; a rate of nothing is a mistake.
pub fn limits(
    spend_cap_micro_usd: Option<u64>,
    rpm_limit: Option<u64>,
    tpm_limit: Option<u64>,
) -> Result<(), Refusal> {
    let given = [
        ("spend_cap_micro_usd", spend_cap_micro_usd, 0),
        ("rpm_limit", rpm_limit, 1),
        ("tpm_limit", tpm_limit, 1),
    ];
    for (field, limit, least) in given {
        if limit.is_some_and(|limit| limit < least || limit > LIMIT_MAX) {
            let public = format!("{field} is a whole number between {least} and {LIMIT_MAX}");
            return Err(Refusal::invalid(field, public));
        }
    }
    Ok(())
}
