//! Who asks and who answers, each in its dialect.

use model::Dialect;

use super::fault::Expected;
use super::upstream::Upstream;

#[derive(Clone, Copy)]
pub struct Pair {
    pub caller: Dialect,
    pub upstream: Upstream,
}

impl Pair {
    /// What is no answer passes as it is where nobody has to understand it.
    pub fn passed_or(self, otherwise: Expected) -> Expected {
        if self.caller == self.upstream.0 { Expected::Passed } else { otherwise }
    }

    /// What comes behind the terminator is nobody's concern; but Google's streams have none.
    pub fn answered_or(self, otherwise: Expected) -> Expected {
        if self.upstream.0 == Dialect::Gemini { otherwise } else { Expected::Answered(1) }
    }

    /// The same of a connection that breaks there: whoever is translated for has heard all there is.
    pub fn ended_or(self, otherwise: Expected) -> Expected {
        if self.is_googles() { self.answered_or(otherwise) } else { Expected::Answered(1) }
    }

    pub fn is_googles(self) -> bool {
        self.caller == Dialect::Gemini
    }
}
