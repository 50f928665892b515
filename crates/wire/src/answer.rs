//! What a plain answer says of itself, whichever dialect's it is. Knows none of them.

use model::Usage;

use crate::provider_error::UpstreamErrorBody;

/// Of a JSON object; of anything else nothing can be said.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// The error inside an answer whose status says there is none.
    pub error: Option<UpstreamErrorBody>,
    pub usage: Option<Usage>,
    /// The model that answered: what is billed.
    pub answered_by: Option<String>,
}
