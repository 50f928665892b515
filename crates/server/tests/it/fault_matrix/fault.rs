//! A row of the matrix: what the provider does to a plain and to a streamed request, and what becomes of each.

use testkit::fake::Reply;

pub struct Fault {
    pub name: String,
    /// No call ever reaches the provider.
    pub is_unreached: bool,
    plain: Case,
    streamed: Case,
}

pub struct Case {
    pub reply: Reply,
    /// The next call is answered well.
    pub once: bool,
    pub expected: Expected,
}

#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// All of the answer, at this attempt.
    Answered(usize),
    /// A stream that ends in an error event, after one attempt.
    Broken(&'static str),
    /// What the provider said, whatever it is worth.
    Passed,
    Refused {
        status: u16,
        code: &'static str,
        attempts: usize,
    },
}

use Expected::{Answered, Broken, Refused};

impl Fault {
    /// Done to either, and to the same effect.
    pub fn same(name: impl Into<String>, reply: Reply, expected: Expected) -> Self {
        Self::one(name, reply, expected, expected)
    }

    /// Done to either, and not to the same effect.
    pub fn one(name: impl Into<String>, reply: Reply, plain: Expected, streamed: Expected) -> Self {
        Self::each(name, (reply.clone(), plain), (reply, streamed))
    }

    /// As it is done to answers of either form.
    pub fn each(
        name: impl Into<String>,
        plain: (Reply, Expected),
        streamed: (Reply, Expected),
    ) -> Self {
        let case = |(reply, expected)| Case { reply, once: false, expected };
        let (plain, streamed) = (case(plain), case(streamed));
        Self { name: name.into(), is_unreached: false, plain, streamed }
    }

    /// Whoever asks once more is answered.
    pub fn once(name: impl Into<String>, reply: Reply) -> Self {
        let mut fault = Self::same(name, reply, Answered(2));
        fault.plain.once = true;
        fault.streamed.once = true;
        fault
    }

    /// The same for a stream; a plain request is not answered by one.
    pub fn once_streamed(name: impl Into<String>, reply: Reply) -> Self {
        let mut fault = Self::one(name, reply, GARBLED, Answered(2));
        fault.streamed.once = true;
        fault
    }

    /// Done to whoever calls, before the provider could do anything.
    pub fn unreached(name: impl Into<String>, expected: Expected) -> Self {
        let fault = Self::same(name, Reply::standard(), expected);
        Self { is_unreached: true, ..fault }
    }

    pub const fn case(&self, streamed: bool) -> &Case {
        if streamed { &self.streamed } else { &self.plain }
    }
}

impl Expected {
    pub const fn attempts(self) -> usize {
        match self {
            Answered(attempts) | Refused { attempts, .. } => attempts,
            Broken(_) | Self::Passed => 1,
        }
    }

    pub fn twice(self) -> Self {
        match self {
            Refused { status, code, .. } => Refused { status, code, attempts: 2 },
            _ => panic!("only what is refused is tried again"),
        }
    }
}

pub const fn refused(status: u16, code: &'static str) -> Expected {
    Refused { status, code, attempts: 1 }
}

/// An answer that is none, or broke before anything of it was given out.
pub const GARBLED: Expected = refused(502, "upstream_error");
pub const LATE: Expected = refused(504, "upstream_timeout");
