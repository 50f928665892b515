//! Which of the caller's own keys are tried, and in which order.

use std::time::Duration;

use model::{Code, DataPolicy};
use store::workspace::Health;
use wire::Wishes;

use super::scene::*;
use crate::asked::Asked;
use crate::breaker::Circuit;
use crate::key_news::{Finding, KeyNews};
use crate::plan::Reason;

fn pinned<'a>(model: &str, id: &str) -> Asked<'a> {
    let provider_key = Some(id.to_owned());
    wishing(model, Wishes { provider_key, ..Wishes::default() })
}

#[test]
fn the_projects_key_comes_first_then_the_workspaces_default_then_its_others() {
    let mut scene = Scene::new();
    scene.own("openai", "older");
    scene.own("openai", "younger");
    scene.own("openai", "default").is_default = true;
    scene.of_project("openai", "project");
    scene.own("openai", "foreign").project = Some(other_project());

    let order = ["project", "default", "older", "younger"].map(|key| format!("openai/big {key}"));
    assert_eq!(scene.chat("openai/big"), order);
}

#[test]
fn a_project_may_leave_the_workspaces_keys_alone() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.project.use_workspace_keys = false;

    assert_eq!(scene.refusal(&chat("openai/big")).code, Code::NoProviderKey);
    assert_eq!(scene.reason("openai/big", "mine"), Reason::WorkspaceKeysOff);
    scene.of_project("openai", "project");
    assert_eq!(scene.chat("openai/big"), ["openai/big project"]);
}

#[test]
fn a_pinned_key_is_the_only_one_tried() {
    let mut scene = Scene::new();
    scene.own("openai", "one").is_default = true;
    scene.own("openai", "two");
    scene.own("groq", "other");
    scene.platform("openai", "pool");
    let two = scene.id("two").to_string();

    assert_eq!(scene.shown(&scene.plan(&pinned("openai/big", &two))), ["openai/big two"]);
    let elsewhere = scene.refusal(&pinned("groq/llama", &two));
    assert_eq!((elsewhere.code, elsewhere.param), (Code::NoProviderKey, Some("routing")));
    let keyless = scene.refusal(&pinned("together/llama", &two));
    assert!(keyless.public.contains("routing.provider_key names no key"), "{keyless}");
    scene.own[1].is_active = false;
    let paused = scene.refusal(&pinned("openai/big", &two));
    assert!(paused.public.contains("paused"), "{paused}");
}

#[test]
fn a_pin_out_of_reach_is_as_good_as_none_and_one_that_is_no_id_is_not_repeated() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    scene.own("openai", "foreign").project = Some(other_project());
    scene.platform("openai", "pool");
    let absent = format!("pk_{:032x}", 99);

    let refusals = ["foreign", "pool"].map(|label| scene.id(label).to_string());
    let refusals = refusals.iter().chain([&absent]).map(|id| {
        let refusal = scene.refusal(&pinned("openai/big", id));
        assert_eq!(refusal.code, Code::NoProviderKey);
        refusal.public.replace(id, "ID")
    });
    let refusals: Vec<_> = refusals.collect();
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    let pasted = scene.refusal(&pinned("openai/big", "sk-pasted-by-mistake"));
    assert_eq!(pasted.code, Code::InvalidRequest);
    assert!(!pasted.public.contains("pasted"), "{pasted}");
}

#[test]
fn keys_that_were_refused_stay_a_hope_behind_the_others() {
    let mut scene = Scene::new();
    scene.of_project("openai", "refused").health = Health::Unhealthy;
    scene.own("openai", "closed").health = Health::Undecryptable;
    scene.own("openai", "unknown").health = Health::Unknown;

    let order = ["unknown", "refused", "closed"].map(|key| format!("openai/big {key}"));
    assert_eq!(scene.chat("openai/big"), order);
}

#[test]
fn a_paused_key_is_left_out_and_said_to_be() {
    let mut scene = Scene::new();
    scene.own("openai", "mine").is_active = false;

    let refusal = scene.refusal(&chat("openai/big"));
    assert_eq!(refusal.code, Code::NoProviderKey);
    assert!(refusal.public.contains("is paused"), "{refusal}");
}

#[test]
fn a_key_of_a_moved_provider_is_left_out_and_told_of_once() {
    let mut scene = Scene::new();
    scene.own("openai", "moved").origin = "https://elsewhere.example:443".to_owned();
    scene.own("openai", "known").origin = "https://elsewhere.example:443".to_owned();
    scene.own[1].health = Health::OriginChanged;

    let refusal = scene.refusal(&chat("openai/big"));
    assert!(refusal.public.contains("replace it"), "{refusal}");
    let news = KeyNews::default();
    scene.plan(&chat("openai/big")).tell(&news);
    let told: Vec<_> = news.take().into_iter().map(|it| (it.key, it.finding)).collect();
    assert_eq!(told, [(scene.id("moved"), Some(Finding::Moved))]);
}

#[test]
fn a_plan_without_keys_of_ones_own_leaves_them_unused() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    for plan in ["starter", "a plan that is gone"] {
        scene.plan = plan;

        assert_eq!(scene.refusal(&chat("openai/small")).code, Code::PlanForbids, "{plan}");
    }
}

#[test]
fn an_exhausted_key_is_skipped() {
    let mut scene = Scene::new();
    scene.own("openai", "default").is_default = true;
    scene.own("openai", "other");
    scene.exhaust("default", Some("big"));

    assert_eq!(scene.chat("openai/big"), ["openai/big other"]);
    let small = ["openai/small default", "openai/small other"];
    assert_eq!(scene.chat("openai/small"), small, "other models have limits of their own");
    scene.exhaust("default", None);
    assert_eq!(scene.chat("openai/small"), ["openai/small other"]);
}

#[test]
fn where_everything_is_exhausted_the_caller_learns_when_something_is_left_again() {
    let mut scene = Scene::new();
    scene.own("openai", "one");
    scene.own("openai", "two");
    scene.exhaust_for("one", Some("big"), 30);
    scene.exhaust_for("two", None, 12);

    let refusal = scene.refusal(&chat("openai/big"));
    assert_eq!(refusal.code, Code::UpstreamRateLimited);
    assert_eq!(refusal.retry_after_seconds, Some(12));
    scene.project.fallback_models = texts(&["openai/small"]);
    assert_eq!(scene.chat("openai/big"), ["openai/small one"]);
}

#[test]
fn the_strictest_data_policy_counts_and_a_key_may_attest_a_contract() {
    let mut scene = Scene::new();
    scene.own("openai", "usual");
    scene.own("openai", "contract").data_policy = ZDR;
    scene.own("groq", "lax");
    let wish = |data_policy| Wishes { data_policy, ..Wishes::default() };
    let planned =
        |scene: &Scene, policy| scene.shown(&scene.plan(&wishing("openai/big", wish(policy))));
    let (both, one) = (["openai/big usual", "openai/big contract"], ["openai/big contract"]);

    assert_eq!(planned(&scene, None), both);
    assert_eq!(planned(&scene, Some(DataPolicy::NoTraining)), both);
    assert_eq!(planned(&scene, ZDR), one);
    scene.workspace.data_policy = DataPolicy::Zdr;
    assert_eq!(planned(&scene, Some(DataPolicy::None)), one);
    scene.workspace.data_policy = DataPolicy::None;
    scene.project.data_policy = DataPolicy::Zdr;
    assert_eq!(planned(&scene, None), one);
    let refusal = scene.refusal(&chat("groq/llama"));
    assert_eq!(refusal.code, Code::DataPolicyUnsatisfied);
    assert!(refusal.public.contains("zdr") && refusal.public.contains("groq"), "{refusal}");
}

#[test]
fn a_refusal_for_the_data_policys_sake_names_all_who_do_not_promise_enough() {
    let mut scene = Scene::new();
    scene.own("groq", "one");
    scene.own("together", "two");
    scene.workspace.data_policy = DataPolicy::Zdr;

    let refusal = scene.refusal(&chat("llama"));

    for named in ["groq", "together", &scene.id("one").to_string()] {
        assert!(refusal.public.contains(named), "{refusal}");
    }
}

#[test]
fn whoever_fails_again_and_again_is_tried_last_and_still_tried() {
    let mut scene = Scene::new();
    scene.own("openai", "one").is_default = true;
    scene.own("openai", "two");
    scene.project.fallback_models = texts(&["openai/small"]);
    let circuit = |label: &str| Circuit {
        workspace: workspace_id(),
        key: scene.id(label),
        model: "big",
        host: "openai.example",
    };
    let fail = |circuit: Circuit<'_>| (0..5).for_each(|_| scene.breakers.failed(&circuit, NOW));
    let all = || scene.chat("openai/big");
    let (one, two) = ("openai/big one", "openai/big two");
    let small = ["openai/small one", "openai/small two"];

    fail(Circuit { workspace: model::WorkspaceId::NIL, ..circuit("one") });
    assert_eq!(all(), [one, two, small[0], small[1]], "another workspace's bad luck");
    fail(circuit("one"));
    assert_eq!(all(), [two, small[0], small[1], one]);
    fail(circuit("two"));
    assert_eq!(all(), [small[0], small[1], one, two]);
}

#[test]
fn the_last_hope_is_tried_however_often_it_failed() {
    let mut scene = Scene::new();
    scene.own("openai", "one");
    let asked = chat("openai/big");
    let plan = scene.plan(&asked);
    let circuit = plan.attempts[0].circuit(workspace_id());
    (0..5).for_each(|_| scene.breakers.failed(&circuit, NOW));
    assert!(scene.breakers.is_open(&circuit, NOW.plus(Duration::from_secs(1))));

    assert_eq!(scene.chat("openai/big"), ["openai/big one"]);
}
