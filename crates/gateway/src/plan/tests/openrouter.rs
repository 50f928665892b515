//! OpenRouter in the place of providers that the caller has no key for.

use wire::Wishes;
use wire::request::Names;

use super::scene::*;

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.own("openrouter", "router");
    scene
}

#[test]
fn it_serves_models_of_providers_without_an_own_key_by_its_own_names_for_them() {
    let scene = scene();

    for (model, at_openrouter) in [
        ("openai/big", "openrouter/openai/big router"),
        ("big", "openrouter/openai/big router"),
        ("openai/made-yesterday", "openrouter/openai/made-yesterday router"),
        ("anthropic/claude-4-5", "openrouter/anthropic/claude-4.5 router"),
        ("openrouter/openai/big", "openrouter/openai/big router"),
    ] {
        assert_eq!(scene.chat(model), [at_openrouter], "{model}");
    }
    // A host of other makers' models, which OpenRouter does not spell so.
    assert!(scene.chat("groq/llama").is_empty());
    assert!(scene.chat("custom/llama").is_empty());
}

#[test]
fn an_own_key_of_the_provider_comes_instead_and_not_beside() {
    let mut scene = scene();
    scene.own("openai", "mine");
    assert_eq!(scene.chat("openai/big"), ["openai/big mine"]);
    scene.exhaust("mine", None);
    assert!(scene.chat("openai/big").is_empty());

    scene.own[1].is_active = false;
    assert_eq!(scene.chat("openai/big"), ["openrouter/openai/big router"], "paused is missing");
}

#[test]
fn the_projects_key_for_it_comes_before_the_workspaces_and_both_before_the_pool() {
    let mut scene = scene();
    scene.of_project("openrouter", "ours");
    scene.platform("openai", "pool");

    let order = ["openrouter/openai/big ours", "openrouter/openai/big router", "openai/big pool"];
    assert_eq!(scene.chat("openai/big"), order);
}

#[test]
fn workspace_and_project_may_both_turn_it_off() {
    let off: [fn(&mut Scene); 2] = [
        |scene| scene.workspace.openrouter_fallthrough = false,
        |scene| scene.project.openrouter_fallthrough = false,
    ];
    for turn_off in off {
        let mut scene = scene();
        turn_off(&mut scene);

        assert!(scene.chat("openai/big").is_empty());
        assert_eq!(scene.chat("openrouter/openai/big"), ["openrouter/openai/big router"]);
    }
}

#[test]
fn lists_may_name_the_model_either_way() {
    let mut scene = scene();
    for name in ["openai/big", "openrouter/openai/big"] {
        scene.own[0].allowed_models = Some(texts(&[name]));
        assert_eq!(scene.chat("openai/big"), ["openrouter/openai/big router"], "{name}");
    }
    scene.own[0].allowed_models = Some(texts(&["openai/small"]));
    assert!(scene.chat("openai/big").is_empty());
}

#[test]
fn whoever_does_not_want_it_or_the_provider_behind_it_does_not_get_it() {
    let scene = scene();
    let planned = |providers: Names| {
        let wishes = Wishes { providers, ..Wishes::default() };
        scene.shown(&scene.plan(&wishing("openai/big", wishes)))
    };
    let only = |name: &str| Names { only: Some(texts(&[name])), ..Names::default() };

    assert_eq!(planned(only("openrouter")), ["openrouter/openai/big router"]);
    assert!(planned(only("openai")).is_empty());
    for name in ["openai", "openrouter"] {
        assert!(planned(Names { ignore: texts(&[name]), ..Names::default() }).is_empty(), "{name}");
    }
    let wishes = Wishes { only_platform: true, ..Wishes::default() };
    assert!(scene.plan(&wishing("openai/big", wishes)).attempts.is_empty());
}
