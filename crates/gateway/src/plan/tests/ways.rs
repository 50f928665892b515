//! Which of a provider's operations is called for the caller's.

use model::{Code, Operation};

use super::scene::*;
use crate::plan::Reason;

/// The operation that would be called, by its name.
fn way(scene: &Scene, operation: Operation, model: &str) -> Option<Operation> {
    let asked = asked(operation, model);
    let plan = scene.plan(&asked);
    plan.attempts.first().map(|candidate| candidate.way.operation)
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    for provider in ["openai", "anthropic", "groq"] {
        scene.own(provider, provider);
    }
    scene
}

#[test]
fn a_conversation_is_had_as_the_caller_speaks_or_translated() {
    use Operation as Op;
    let scene = scene();

    for (operation, model, called) in [
        (Op::ChatCompletions, "openai/big", Op::ChatCompletions),
        (Op::Responses, "openai/big", Op::Responses),
        (Op::Messages, "openai/big", Op::ChatCompletions),
        (Op::GenerateContent, "openai/big", Op::ChatCompletions),
        (Op::ChatCompletions, "openai/newest", Op::Responses),
        (Op::Messages, "openai/newest", Op::Responses),
        (Op::Messages, "anthropic/claude-4-5", Op::Messages),
        (Op::Responses, "anthropic/claude-4-5", Op::Messages),
        (Op::Responses, "groq/llama", Op::ChatCompletions),
    ] {
        assert_eq!(way(&scene, operation, model), Some(called), "{operation} of {model}");
    }
}

#[test]
fn what_is_no_conversation_goes_only_where_it_is_known() {
    let scene = scene();

    assert_eq!(way(&scene, Operation::Embeddings, "openai/vectors"), Some(Operation::Embeddings));
    assert_eq!(
        way(&scene, Operation::CountTokens, "anthropic/claude-4-5"),
        Some(Operation::CountTokens)
    );
    for (operation, model) in
        [(Operation::Embeddings, "groq/other"), (Operation::Completions, "openai/big")]
    {
        let asked = asked(operation, model);
        let refusal = scene.refusal(&asked);
        assert_eq!((refusal.code, refusal.param), (Code::InvalidRequest, Some("model")));
        assert_eq!(scene.plan(&asked).exclusions[0].reason, Reason::NotSpoken);
    }
}

#[test]
fn a_count_that_no_provider_makes_is_told_from_one_that_may_not_be() {
    let mut scene = scene();
    let counting = asked(Operation::CountTokens, "openai/big");
    assert!(scene.plan(&counting).is_unspoken());
    assert!(!scene.plan(&asked(Operation::CountTokens, "anthropic/claude-4-5")).is_unspoken());

    scene.policy.allowed_models = Some(texts(&["anthropic/claude-4-5"]));
    assert!(!scene.plan(&counting).is_unspoken());
    scene.own.clear();
    assert!(!scene.plan(&asked(Operation::CountTokens, "anthropic/claude-4-5")).is_unspoken());
}

#[test]
fn a_model_of_another_kind_is_left_out() {
    let mut scene = scene();
    scene.project.fallback_models = texts(&["openai/vectors", "groq/llama"]);

    assert_eq!(scene.chat("openai/big"), ["openai/big openai", "groq/llama groq"]);
    let embedding = asked(Operation::Embeddings, "openai/big");
    let refusal = scene.refusal(&embedding);
    assert_eq!((refusal.code, refusal.param), (Code::InvalidRequest, Some("model")));
}
