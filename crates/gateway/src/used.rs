//! What a provider says was used, and which model it says used it. Knows no prices.

use model::Usage;

#[derive(Clone, Debug, Default)]
pub struct Used {
    pub usage: Usage,
    pub answered_by: Option<String>,
}
