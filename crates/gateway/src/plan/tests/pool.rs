//! When the operator's keys answer.

use model::settings::FallbackCause::{self, Exhausted, Failed, Missing, Unavailable};
use model::{Code, DataPolicy};
use store::workspace::Health;
use wire::Wishes;

use super::scene::*;
use crate::breaker::Circuit;
use crate::plan::{Payer, Reason};

/// The label of each key, with what must become of own ones before.
fn order(scene: &Scene, model: &str) -> Vec<(String, Vec<FallbackCause>)> {
    let asked = chat(model);
    let plan = scene.plan(&asked);
    let attempts = plan.attempts.iter();
    let label = |row: &store::workspace::ProviderKeyRow| row.label.clone().expect("a label");
    attempts.map(|it| (label(&it.key.row), it.only_after.clone())).collect()
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.platform("openai", "pool");
    scene
}

#[test]
fn without_an_own_key_the_platforms_answers() {
    let mut scene = scene();
    assert_eq!(order(&scene, "openai/big"), [("pool".to_owned(), vec![])]);
    let asked = chat("openai/big");
    let plan = scene.plan(&asked);
    assert_eq!(plan.attempts[0].payer, Payer::Platform);
    assert_eq!(plan.attempts[0].owner.id, model::WorkspaceId::NIL);

    scene.own("openai", "paused").is_active = false;
    assert_eq!(order(&scene, "openai/big"), [("pool".to_owned(), vec![])]);
    scene.workspace.platform_fallback = only(&[Exhausted, Failed, Unavailable]);
    let refusal = scene.refusal(&chat("openai/big"));
    assert!(refusal.public.contains("is paused"), "{refusal}");
    scene.own.clear();
    let refusal = scene.refusal(&chat("openai/big"));
    assert!(refusal.public.contains("leaves out missing"), "{refusal}");
}

#[test]
fn behind_an_own_key_it_waits_for_the_causes_that_are_allowed() {
    let mut scene = scene();
    scene.own("openai", "mine");
    let own = ("mine".to_owned(), vec![]);
    let pool = |after: &[FallbackCause]| ("pool".to_owned(), after.to_vec());
    assert_eq!(order(&scene, "openai/big"), [own.clone(), pool(&[Exhausted, Failed, Unavailable])]);

    scene.workspace.platform_fallback = only(&[Missing, Exhausted, Failed]);
    assert_eq!(order(&scene, "openai/big"), [own.clone(), pool(&[Exhausted, Failed])]);
    scene.project.platform_fallback = only(&[Failed, Unavailable]);
    assert_eq!(order(&scene, "openai/big"), [own.clone(), pool(&[Failed])], "both must allow it");
    scene.policy.platform_fallback = Some(only(&[Missing]));
    assert_eq!(order(&scene, "openai/big"), [own], "and the gateway key");
}

#[test]
fn an_exhausted_own_key_is_replaced_at_once_where_the_policy_says_so() {
    let mut scene = scene();
    scene.own("openai", "mine");
    scene.exhaust("mine", Some("big"));
    assert_eq!(order(&scene, "openai/big"), [("pool".to_owned(), vec![])]);

    scene.workspace.platform_fallback = only(&[Missing, Failed, Unavailable]);
    assert_eq!(scene.refusal(&chat("openai/big")).code, Code::UpstreamRateLimited);
    scene.own("openai", "second");
    assert_eq!(scene.chat("openai/big"), ["openai/big second"], "one of them was exhausted");
    scene.workspace.platform_fallback = only(&[Exhausted]);
    let after = vec![Exhausted];
    let expected = [("second".to_owned(), vec![]), ("pool".to_owned(), after)];
    assert_eq!(order(&scene, "openai/big"), expected);
}

#[test]
fn a_key_that_went_with_its_provider_is_unavailable_and_not_missing() {
    let mut scene = scene();
    scene.own("openai", "moved").origin = "https://elsewhere.example:443".to_owned();
    scene.workspace.platform_fallback = only(&[Missing]);
    assert!(scene.chat("openai/big").is_empty());

    scene.workspace.platform_fallback = only(&[Unavailable]);
    assert_eq!(scene.chat("openai/big"), ["openai/big pool"]);
}

#[test]
fn the_pool_serves_the_tiers_of_the_workspaces_plan() {
    let mut scene = scene();
    for (plan, model, serves) in [
        ("starter", "openai/small", true),
        ("starter", "openai/big", false),
        ("core", "openai/small", true),
        ("core", "openai/big", false),
        ("pro", "openai/big", true),
        // Nobody knows how dear it is.
        ("core", "openai/made-yesterday", false),
        ("pro", "openai/made-yesterday", true),
        ("a plan that is gone", "openai/small", false),
    ] {
        scene.plan = plan;
        assert_eq!(!scene.chat(model).is_empty(), serves, "{plan} {model}");
        if !serves {
            assert_eq!(scene.refusal(&chat(model)).code, Code::PlanForbids, "{plan} {model}");
        }
    }
}

#[test]
fn an_own_key_opens_every_model_and_its_fallback_obeys_the_plan() {
    let mut scene = scene();
    scene.plan = "core";
    scene.own("openai", "mine");

    assert_eq!(scene.chat("openai/big"), ["openai/big mine"]);
    assert_eq!(scene.chat("openai/small"), ["openai/small mine", "openai/small pool"]);
    scene.plan = "starter";
    assert_eq!(scene.chat("openai/small"), ["openai/small pool"], "kept, and unused");
}

#[test]
fn of_the_operators_keys_the_default_comes_first_and_refused_ones_last() {
    let mut scene = scene();
    scene.platform("openai", "default").is_default = true;
    scene.pool[0].health = Health::Unhealthy;
    scene.platform("openai", "third");

    let order = ["default", "third", "pool"].map(|label| format!("openai/big {label}"));
    assert_eq!(scene.chat("openai/big"), order);
}

#[test]
fn the_request_may_insist_on_either() {
    let mut scene = scene();
    scene.own("openai", "mine");
    let byok = || wishing("openai/big", Wishes { only_byok: true, ..Wishes::default() });
    let platform = || wishing("openai/big", Wishes { only_platform: true, ..Wishes::default() });

    assert_eq!(scene.shown(&scene.plan(&byok())), ["openai/big mine"]);
    assert_eq!(scene.shown(&scene.plan(&platform())), ["openai/big pool"]);
    scene.workspace.platform_fallback = only(&[Failed]);
    assert_eq!(scene.refusal(&platform()).code, Code::NoProviderKey, "a wish widens no policy");
    scene.pool.clear();
    let refusal = scene.refusal(&platform());
    assert_eq!(refusal.code, Code::NoProviderKey);
    assert!(refusal.public.contains("no platform key"), "{refusal}");
    scene.own.clear();
    assert_eq!(scene.refusal(&byok()).code, Code::NoProviderKey);
}

#[test]
fn the_operators_keys_are_judged_as_any_and_never_named() {
    let mut scene = scene();
    scene.pool[0].allowed_models = Some(texts(&["openai/small"]));
    scene.platform("openai", "paused").is_active = false;
    scene.platform("openai", "moved").origin = "https://elsewhere.example:443".to_owned();
    scene.platform("openai", "exhausted");
    scene.exhaust("exhausted", None);
    scene.workspace.data_policy = DataPolicy::NoTraining;
    scene.platform("groq", "lax");

    let asked = chat("openai/big");
    let plan = scene.plan(&asked);
    let reasons: Vec<_> = plan.exclusions.iter().map(|it| (it.key, &it.reason)).collect();
    let until = NOW.plus(std::time::Duration::from_secs(10));
    assert_eq!(
        reasons,
        [
            (None, &Reason::NoKey),
            (None, &Reason::KeyModels),
            (None, &Reason::Paused),
            (None, &Reason::Moved),
            (None, &Reason::Exhausted { until }),
        ]
    );
    assert_eq!(scene.refusal(&chat("groq/llama")).code, Code::DataPolicyUnsatisfied);
    let secret = scene.id("paused").to_string();
    assert!(plan.exclusions.iter().all(|it| !it.message().contains(&secret)));
}

#[test]
fn the_operators_endpoint_has_a_name_and_nobodys_own_is_replaced_by_it() {
    let mut scene = Scene::new();
    let mut shared = scene.endpoint("shared").clone();
    scene.own.clear();
    shared.label = Some("house".to_owned());
    scene.pool.push(shared);
    assert_eq!(scene.chat("shared/llama"), ["custom/llama house"]);
    assert!(scene.chat("custom/llama").is_empty());

    scene.endpoint("shared");
    assert_eq!(scene.chat("shared/llama"), ["custom/llama shared"]);
}

#[test]
fn an_own_key_that_fails_again_and_again_is_passed_only_where_failing_is_a_cause() {
    let mut scene = scene();
    scene.own("openai", "mine");
    let key = scene.id("mine");
    let circuit = Circuit { workspace: workspace_id(), key, model: "big", host: "openai.example" };
    (0..5).for_each(|_| scene.breakers.failed(&circuit, NOW));

    assert_eq!(scene.chat("openai/big"), ["openai/big pool", "openai/big mine"]);
    scene.workspace.platform_fallback = only(&[Exhausted]);
    assert_eq!(scene.chat("openai/big"), ["openai/big mine", "openai/big pool"]);
}

#[test]
fn a_fallback_without_an_own_key_goes_to_the_pool() {
    let mut scene = scene();
    scene.own("groq", "mine");
    scene.project.fallback_models = texts(&["openai/small"]);
    scene.workspace.platform_fallback = only(&[Missing]);

    assert_eq!(scene.chat("groq/llama"), ["groq/llama mine", "openai/small pool"]);
}
