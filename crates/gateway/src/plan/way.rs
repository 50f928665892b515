//! How a model is called: by the caller's own operation, or by one it can be translated into.

use model::catalogue::{Endpoint, Model};
use model::{Operation, Provider};

use super::Way;

/// Where a conversation is not spoken as the caller speaks it: in the order of how well they are known to translate.
const TRANSLATIONS: [Operation; 4] = [
    Operation::ChatCompletions,
    Operation::Messages,
    Operation::GenerateContent,
    Operation::Responses,
];

/// Whatever the caller wants of the provider.
static ANYWHERE: Endpoint = Endpoint { path: String::new(), auth: None, from_origin: false };

/// `facts` is absent for a model we do not know, which may be anything.
pub fn way<'a>(
    provider: &'a Provider,
    facts: Option<&Model>,
    operation: Operation,
) -> Option<Way<'a>> {
    let only = facts.map_or(&[][..], |facts| &facts.only);
    let spoken = |operation: Operation| {
        let answers = only.is_empty() || only.contains(&operation);
        let endpoint = provider.speaks.get(&operation).filter(|_| answers);
        endpoint.map(|endpoint| Way { operation, endpoint })
    };
    if operation == Operation::Passthrough {
        return Some(Way { operation, endpoint: &ANYWHERE });
    }
    let is_conversation = operation.dialect().is_some();
    let translations = TRANSLATIONS.into_iter().filter(|_| is_conversation);
    spoken(operation).or_else(|| translations.filter_map(spoken).next())
}

/// Whether a model is of the kind that the operation asks.
pub fn fits(facts: Option<&Model>, operation: Operation) -> bool {
    let fits = |facts: &Model| {
        let kind = operation.kind();
        kind.is_none_or(|kind| facts.kind == kind) || facts.only.contains(&operation)
    };
    facts.is_none_or(fits)
}
