//! Which models are tried, by whatever name they are asked for.

use model::{Code, Operation};
use wire::Wishes;
use wire::request::Names;

use super::scene::*;
use crate::asked::Asked;
use crate::plan::{Lister, Reason};

#[test]
fn the_calls_model_comes_before_the_keys_the_projects_and_the_workspaces() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    let nameless = || Asked { model: None, ..chat("") };
    assert_eq!(scene.refusal(&nameless()).param, Some("model"));

    scene.workspace.default_model = Some("openai/of-workspace".to_owned());
    assert_eq!(scene.shown(&scene.plan(&nameless())), ["openai/of-workspace mine"]);
    scene.project.default_model = Some("openai/of-project".to_owned());
    assert_eq!(scene.shown(&scene.plan(&nameless())), ["openai/of-project mine"]);
    scene.policy.default_model = Some("openai/of-key".to_owned());
    assert_eq!(scene.shown(&scene.plan(&nameless())), ["openai/of-key mine"]);
    assert_eq!(scene.chat("openai/of-call"), ["openai/of-call mine"]);
}

#[test]
fn a_model_can_be_written_in_three_ways() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");

    for name in ["openai/big", "openai.big", "big", "OpenAI/big"] {
        assert_eq!(scene.chat(name), ["openai/big mine"], "{name}");
    }
    assert_eq!(scene.chat("openai/made-yesterday"), ["openai/made-yesterday mine"]);
    let refusal = scene.refusal(&chat("made-yesterday"));
    assert_eq!(refusal.code, Code::ModelNotFound);
    assert!(refusal.public.contains("made-yesterday"), "{refusal}");
    for nonsense in ["", "a b", "openai/"] {
        assert_eq!(scene.refusal(&chat(nonsense)).code, Code::InvalidRequest, "{nonsense:?}");
    }
}

#[test]
fn of_several_providers_of_a_model_those_with_own_keys_come_first() {
    let mut scene = Scene::new();
    scene.platform("groq", "pool");
    scene.own("together", "mine");
    assert_eq!(scene.chat("llama"), ["together/llama mine", "groq/llama pool"]);

    scene.own("groq", "other");
    let in_order_of_the_catalogue = ["groq/llama other", "together/llama mine", "groq/llama pool"];
    assert_eq!(scene.chat("llama"), in_order_of_the_catalogue);
}

#[test]
fn an_alias_is_resolved_once_and_counts_before_the_catalogue() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    let alias = |name: &str, model: &str| (name.to_owned(), model.to_owned());
    scene.workspace.model_aliases =
        [alias("fast", "openai/small"), alias("big", "openai/small"), alias("loop", "fast")].into();

    assert_eq!(scene.chat("fast"), ["openai/small mine"]);
    assert_eq!(scene.chat("big"), ["openai/small mine"]);
    assert_eq!(scene.refusal(&chat("loop")).code, Code::ModelNotFound);
    scene.project.model_aliases = [alias("fast", "openai/big")].into();
    assert_eq!(scene.chat("fast"), ["openai/big mine"]);
}

#[test]
fn an_alias_opens_no_model_that_the_lists_leave_out() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.project.model_aliases = [("small".to_owned(), "openai/big".to_owned())].into();
    scene.workspace.allowed_models = Some(texts(&["small"]));

    assert_eq!(scene.refusal(&chat("small")).code, Code::ModelNotAllowed);
}

#[test]
fn fallbacks_are_the_calls_or_the_keys_or_the_projects_or_the_workspaces() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    let after_big = |scene: &Scene| scene.chat("openai/big").split_off(1);

    assert!(after_big(&scene).is_empty());
    scene.workspace.fallback_models = texts(&["openai/w"]);
    assert_eq!(after_big(&scene), ["openai/w mine"]);
    scene.project.fallback_models = texts(&["openai/p1", "openai/p2"]);
    assert_eq!(after_big(&scene), ["openai/p1 mine", "openai/p2 mine"]);
    scene.policy.fallback_models = texts(&["openai/k", "openai/big", "openai/k"]);
    assert_eq!(after_big(&scene), ["openai/k mine"], "each once");

    let wishing_for = |models: &[&str]| {
        let fallback_models = Some(texts(models));
        wishing("openai/big", Wishes { fallback_models, ..Wishes::default() })
    };
    let wished = wishing_for(&["openai/c"]);
    let plan = scene.plan(&wished);
    assert_eq!(scene.shown(&plan), ["openai/big mine", "openai/c mine"]);
    assert_eq!(plan.attempts.iter().map(|it| it.rank).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(scene.shown(&scene.plan(&wishing_for(&[]))), ["openai/big mine"]);
    assert_eq!(scene.refusal(&wishing_for(&["openai/c"; 11])).param, Some("routing"));
}

#[test]
fn two_names_of_one_model_are_tried_once() {
    let mut scene = Scene::new();
    scene.own("together", "at-together");
    scene.own("openrouter", "router");
    scene.platform("groq", "pool");
    scene.project.fallback_models = texts(&["together.llama", "llama", "openrouter/openai/big"]);

    let once = ["together/llama at-together", "groq/llama pool"];
    assert_eq!(scene.chat("together/llama")[..2], once);
    let once = ["openrouter/openai/big router", "together/llama at-together", "groq/llama pool"];
    assert_eq!(scene.chat("openai/big"), once);
}

#[test]
fn a_mistake_in_the_request_is_not_answered_by_another_model() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.project.fallback_models = texts(&["openai/small"]);
    scene.policy.allowed_models = Some(texts(&["openai/small", "openai/vectors"]));

    assert_eq!(scene.refusal(&chat("nobodys")).code, Code::ModelNotFound);
    assert_eq!(scene.refusal(&chat("openai/big")).code, Code::ModelNotAllowed);
    assert_eq!(scene.refusal(&chat("openai/vectors")).code, Code::InvalidRequest);
}

#[test]
fn what_is_merely_without_a_key_is() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.project.fallback_models = texts(&["openai/small"]);

    assert_eq!(scene.chat("anthropic/claude-4-5"), ["openai/small mine"]);
}

#[test]
fn every_list_holds_for_every_alternative() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.workspace.fallback_models = texts(&["openai/small", "openai/other"]);
    let all = ["openai/big mine", "openai/small mine", "openai/other mine"];
    assert_eq!(scene.chat("openai/big"), all);
    let list = Some(texts(&["openai/big", "other"]));
    let some = ["openai/big mine", "openai/other mine"];

    scene.policy.allowed_models.clone_from(&list);
    assert_eq!(scene.chat("openai/big"), some);
    let plan_of = chat("openai/big");
    let plan = scene.plan(&plan_of);
    assert_eq!(plan.exclusions[0].reason, Reason::NotAllowed { by: Lister::GatewayKey });
    assert_eq!(plan.exclusions[0].rank, 1);
    scene.policy.allowed_models = None;
    scene.project.allowed_models.clone_from(&list);
    assert_eq!(scene.chat("openai/big"), some);
    scene.project.allowed_models = None;
    scene.workspace.allowed_models.clone_from(&list);
    assert_eq!(scene.chat("openai/big"), some);
    scene.workspace.allowed_models = None;
    scene.own[0].allowed_models = list;
    assert_eq!(scene.chat("openai/big"), some);
    assert_eq!(scene.reason("openai/big", "mine"), Reason::KeyModels);
}

#[test]
fn the_request_may_name_its_providers() {
    let mut scene = Scene::new();
    scene.own("groq", "at-groq");
    scene.own("together", "at-together");
    scene.project.fallback_models = texts(&["groq/other"]);
    let (groq, together) = ("groq/llama at-groq", "together/llama at-together");
    let named = |providers: Names| wishing("llama", Wishes { providers, ..Wishes::default() });
    let planned = |providers: Names| scene.shown(&scene.plan(&named(providers)));
    let only = |name: &str| Names { only: Some(texts(&[name])), ..Names::default() };
    let order = |names: &[&str]| Names { order: texts(names), ..Names::default() };

    assert_eq!(planned(order(&["together", "nobody"])), [together, groq, "groq/other at-groq"]);
    assert_eq!(planned(only("The together")), [together]);
    let ignore = Names { ignore: texts(&["groq"]), ..Names::default() };
    assert_eq!(planned(ignore), [together]);
    assert_eq!(planned(Names { no_fallbacks: true, ..order(&["together"]) }), [together]);
    assert_eq!(planned(Names { no_fallbacks: true, ..Names::default() }), [groq]);
    let both = Names { no_fallbacks: true, ..order(&["together", "groq"]) };
    assert_eq!(planned(both), [together, groq], "those that are named, and no other model");
    let refusal = scene.refusal(&named(only("openai")));
    assert_eq!(refusal.code, Code::NoProviderKey);
    assert!(refusal.public.contains("leaves provider \"groq\" out"), "{refusal}");
}

#[test]
fn an_endpoint_is_addressed_by_its_name_and_a_provider_is_never_hidden_by_one() {
    let mut scene = Scene::new();
    scene.endpoint("house");
    scene.own("openai", "mine");
    assert_eq!(scene.chat("house/llama"), ["custom/llama house"]);
    assert_eq!(scene.chat("custom/llama"), ["custom/llama house"]);
    assert_eq!(scene.refusal(&chat("house/")).code, Code::ModelNotFound);

    scene.endpoint("openai");
    assert_eq!(scene.chat("openai/big"), ["openai/big mine"]);
    assert_eq!(scene.chat("house/llama"), ["custom/llama house"]);
    let refusal = scene.refusal(&chat("custom/llama"));
    assert_eq!(refusal.code, Code::InvalidRequest);
    assert!(refusal.public.contains("routing.provider_key"), "{refusal}");
    let provider_key = Some(scene.id("house").to_string());
    let pinned = wishing("custom/llama", Wishes { provider_key, ..Wishes::default() });
    assert_eq!(scene.shown(&scene.plan(&pinned)), ["custom/llama house"]);
    scene.workspace.allowed_models = Some(texts(&["house/llama"]));
    assert_eq!(scene.chat("house/llama"), ["custom/llama house"]);
    assert_eq!(scene.refusal(&chat("house/other")).code, Code::ModelNotAllowed);
}

#[test]
fn what_is_passed_through_is_asked_of_its_provider_alone_and_lists_hold() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.platform("openai", "pool");
    scene.workspace.fallback_models = texts(&["openai/small"]);
    scene.workspace.model_aliases = [("big".to_owned(), "openai/small".to_owned())].into();
    scene.workspace.default_model = Some("openai/small".to_owned());
    let through = |scene: &Scene, model: Option<&str>| {
        let passthrough = scene.catalogue.provider("openai");
        let model = model.map(str::to_owned);
        let asked = asked(Operation::Passthrough, "");
        let asked = Asked { passthrough, model, ..asked };
        let plan = scene.try_plan(&asked).expect("a plan");
        match plan.attempts.is_empty() {
            true => vec![plan.refusal(workspace_id()).code.as_str().to_owned()],
            false => scene.shown(&plan),
        }
    };

    assert_eq!(through(&scene, Some("big")), ["openai/big mine"], "as the provider knows it");
    assert_eq!(through(&scene, None), ["openai/ mine"]);
    scene.policy.allowed_models = Some(texts(&["openai/big"]));
    assert_eq!(through(&scene, Some("big")), ["openai/big mine"]);
    assert_eq!(through(&scene, Some("small")), ["model_not_allowed"]);
    assert_eq!(through(&scene, None), ["model_not_allowed"], "it might be any");
}
