//! What holds for every plan, whatever the keys, the settings and the wishes.

use std::collections::BTreeSet;

use model::catalogue::Model;
use model::plan::Plans;
use model::settings::FallbackCause;
use model::{DataPolicy, Operation, WorkspaceId};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use store::workspace::{Health, ProviderKeyRow};
use wire::Wishes;
use wire::request::Names;

use super::scene::*;
use crate::asked::Asked;
use crate::authorize::Acting;
use crate::breaker::Circuit;
use crate::models::reachable;
use crate::plan::{Candidate, Payer, Plan, Standing, World, plan};

const PROVIDERS: [&str; 6] = ["openai", "anthropic", "groq", "together", "openrouter", "custom"];
/// What can be asked for.
const MODELS: [&str; 9] = [
    "openai/big",
    "small",
    "openai/newest",
    "anthropic.claude-4-5",
    "llama",
    "house/x",
    "custom/x",
    "openrouter/openai/big",
    "nobodys",
];
/// What lists name.
const LISTED: [&str; 8] = [
    "openai/big",
    "openai/small",
    "claude-4-5",
    "llama",
    "groq/llama",
    "house/x",
    "openrouter/openai/big",
    "big",
];
const PLANS: [&str; 4] = ["self_hosted", "core", "starter", "gone"];
const POLICIES: [DataPolicy; 3] = [DataPolicy::None, DataPolicy::NoTraining, DataPolicy::Zdr];
const HEALTHS: [Health; 4] =
    [Health::Healthy, Health::Unhealthy, Health::Unknown, Health::Undecryptable];

/// A provider key, as an owner may have left it.
#[derive(Clone, Debug)]
struct Key {
    provider: &'static str,
    /// The caller's, another one, or none.
    project: Option<bool>,
    is_default: bool,
    is_active: bool,
    is_moved: bool,
    is_exhausted: bool,
    is_failing: bool,
    health: Health,
    allowed: Option<Vec<String>>,
    data_policy: Option<DataPolicy>,
}

/// Of a workspace, or of a project.
#[derive(Clone, Debug)]
struct Layer {
    allowed: Option<Vec<String>>,
    data_policy: DataPolicy,
    causes: Vec<FallbackCause>,
    openrouter: bool,
    workspace_keys: bool,
    fallbacks: Vec<String>,
}

#[derive(Clone, Debug)]
struct Case {
    own: Vec<Key>,
    pool: Vec<Key>,
    workspace: Layer,
    project: Layer,
    key_list: Option<Vec<String>>,
    key_causes: Option<Vec<FallbackCause>>,
    plan: &'static str,
    model: &'static str,
    /// Which of the own keys.
    pin: Option<usize>,
    only: u8,
    providers: Names,
    data_policy: Option<DataPolicy>,
    operation: Operation,
}

fn list() -> impl Strategy<Value = Option<Vec<String>>> {
    let names = subsequence(LISTED.to_vec(), 3..=LISTED.len());
    prop_oneof![2 => Just(None), 1 => names.prop_map(|names| Some(texts(&names)))]
}

fn causes() -> impl Strategy<Value = Vec<FallbackCause>> {
    subsequence(FallbackCause::ALL.to_vec(), 0..=4)
}

fn usually() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.85)
}

fn key() -> impl Strategy<Value = Key> {
    let project = prop_oneof![4 => Just(None), 2 => Just(Some(true)), 1 => Just(Some(false))];
    let flags = (any::<bool>(), usually(), usually(), usually(), usually());
    let policy = proptest::option::weighted(0.4, select(POLICIES.to_vec()));
    (select(PROVIDERS.to_vec()), project, flags, select(HEALTHS.to_vec()), list(), policy).prop_map(
        |(provider, project, flags, health, allowed, data_policy)| Key {
            provider,
            project,
            is_default: flags.0,
            is_active: flags.1,
            is_moved: !flags.2,
            is_exhausted: !flags.3,
            is_failing: !flags.4,
            health,
            allowed,
            data_policy,
        },
    )
}

fn layer() -> impl Strategy<Value = Layer> {
    let fallbacks = subsequence(MODELS.to_vec(), 0..=2);
    let policy = prop_oneof![3 => Just(DataPolicy::None), 1 => select(POLICIES.to_vec())];
    (list(), policy, causes(), usually(), usually(), fallbacks).prop_map(
        |(allowed, data_policy, causes, openrouter, workspace_keys, fallbacks)| Layer {
            allowed,
            data_policy,
            causes,
            openrouter,
            workspace_keys,
            fallbacks: texts(&fallbacks),
        },
    )
}

fn providers() -> impl Strategy<Value = Names> {
    let some = || subsequence(PROVIDERS.to_vec(), 0..=4).prop_map(|names| texts(&names));
    let named = (some(), proptest::option::of(some()), some(), any::<bool>()).prop_map(
        |(order, only, ignore, no_fallbacks)| Names { order, only, ignore, no_fallbacks },
    );
    prop_oneof![3 => Just(Names::default()), 1 => named]
}

fn case() -> impl Strategy<Value = Case> {
    use Operation::{ChatCompletions, Embeddings, Messages};
    let keys = (prop::collection::vec(key(), 0..6), prop::collection::vec(key(), 0..4));
    let of_key = (list(), proptest::option::of(causes()));
    let wishes = (
        proptest::option::weighted(0.2, 0..6_usize),
        0..5_u8,
        providers(),
        proptest::option::weighted(0.2, select(POLICIES.to_vec())),
    );
    let asked = (
        select(MODELS.to_vec()),
        prop_oneof![6 => Just(ChatCompletions), 2 => Just(Messages), 1 => Just(Embeddings)],
    );
    (keys, layer(), layer(), of_key, select(PLANS.to_vec()), wishes, asked).prop_map(
        |(keys, workspace, project, of_key, plan, wishes, asked)| Case {
            own: keys.0,
            pool: keys.1,
            workspace,
            project,
            key_list: of_key.0,
            key_causes: of_key.1,
            plan,
            model: asked.0,
            pin: wishes.0,
            only: wishes.1,
            providers: wishes.2,
            data_policy: wishes.3,
            operation: asked.1,
        },
    )
}

impl Case {
    fn scene(&self) -> Scene {
        let mut scene = Scene::new();
        let label = |kind: &str, number: usize| format!("{kind}{number}");
        for (number, key) in self.own.iter().enumerate() {
            let label = label("own", number);
            let row = match key.provider {
                "custom" => scene.endpoint("house"),
                provider => scene.own(provider, &label),
            };
            row.project = key.project.map(|ours| if ours { project_id() } else { other_project() });
            key.write(&label, row);
        }
        let catalogued = self.pool.iter().filter(|key| key.provider != "custom");
        for (number, key) in catalogued.clone().enumerate() {
            let label = label("pool", number);
            key.write(&label, scene.platform(key.provider, &label));
        }
        for (number, key) in self.own.iter().enumerate() {
            key.happen(&label("own", number), &scene);
        }
        for (number, key) in catalogued.enumerate() {
            key.happen(&label("pool", number), &scene);
        }
        for (layer, settings) in
            [(&self.workspace, &mut scene.workspace), (&self.project, &mut scene.project)]
        {
            settings.allowed_models.clone_from(&layer.allowed);
            settings.data_policy = layer.data_policy;
            settings.platform_fallback = only(&layer.causes);
            settings.openrouter_fallthrough = layer.openrouter;
            settings.use_workspace_keys = layer.workspace_keys;
            settings.fallback_models.clone_from(&layer.fallbacks);
        }
        scene.policy.allowed_models.clone_from(&self.key_list);
        scene.policy.platform_fallback = self.key_causes.as_deref().map(only);
        scene.plan = self.plan;
        scene
    }

    fn asked<'a>(&self, scene: &Scene) -> Asked<'a> {
        let pinned = self.pin.and_then(|pin| scene.own.get(pin));
        let wishes = Wishes {
            only_byok: self.only == 1,
            only_platform: self.only == 2,
            provider_key: pinned.map(|row| row.id.to_string()),
            data_policy: self.data_policy,
            providers: self.providers.clone(),
            ..Wishes::default()
        };
        Asked { wishes, ..asked(self.operation, self.model) }
    }

    /// What was asked for, and what is tried after it.
    fn name(&self, rank: usize) -> &str {
        let layers = [&self.project, &self.workspace];
        let fallbacks = layers.into_iter().find(|layer| !layer.fallbacks.is_empty());
        let fallbacks = fallbacks.map_or(&[][..], |layer| &layer.fallbacks);
        let mut names = vec![self.model];
        for name in fallbacks {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names[rank]
    }

    fn may_fall_back(&self, cause: FallbackCause) -> bool {
        let of_key = self.key_causes.as_ref();
        self.workspace.causes.contains(&cause)
            && self.project.causes.contains(&cause)
            && of_key.is_none_or(|causes| causes.contains(&cause))
    }
}

impl Key {
    fn write(&self, label: &str, row: &mut ProviderKeyRow) {
        row.label = Some(label.to_owned());
        row.is_default = self.is_default;
        row.is_active = self.is_active;
        row.health = self.health;
        row.allowed_models.clone_from(&self.allowed);
        row.data_policy = self.data_policy;
        if self.is_moved {
            row.origin = "https://elsewhere.example:443".to_owned();
        }
    }

    fn happen(&self, label: &str, scene: &Scene) {
        if self.is_exhausted {
            scene.exhaust(label, None);
        }
        if self.is_failing {
            let host = match self.provider {
                "custom" => "house.example".to_owned(),
                provider => format!("{provider}.example"),
            };
            for model in ["big", "small", "llama", "claude-4-5", "x"] {
                let (workspace, key) = (workspace_id(), scene.id(label));
                let circuit = Circuit { workspace, key, model, host: &host };
                (0..5).for_each(|_| scene.breakers.failed(&circuit, NOW));
            }
        }
    }
}

/// Every way a list may name what a candidate was asked for as.
fn spellings(name: &str, candidate: &Candidate<'_>) -> Vec<String> {
    let whole = match name {
        "small" => "openai/small",
        "anthropic.claude-4-5" => "anthropic/claude-4-5",
        "custom/x" => "house/x",
        name => name,
    };
    let bare = whole.split_once('/').map_or(whole, |(_, bare)| bare);
    let at = format!("{}/{}", candidate.provider.id, candidate.model);
    vec![name.to_owned(), whole.to_owned(), bare.to_owned(), at, candidate.model.clone()]
}

fn check_lists(case: &Case, candidate: &Candidate<'_>) {
    let spellings = spellings(case.name(candidate.rank), candidate);
    let of_row = candidate.key.row.allowed_models.as_ref();
    let lists = [&case.key_list, &case.workspace.allowed, &case.project.allowed];
    for list in lists.into_iter().flatten().chain(of_row) {
        let named = spellings.iter().any(|spelling| list.contains(spelling));
        assert!(named, "{} is not in {list:?}", shown(candidate));
    }
}

fn check_key(case: &Case, scene: &Scene, candidate: &Candidate<'_>) {
    let row = &candidate.key.row;
    let (what, at) = (shown(candidate), &candidate.key.base_url);
    assert!(row.is_active, "{what} is paused");
    assert_eq!(row.origin, at.origin().as_str(), "{what} is bound elsewhere");
    let home = candidate.provider.base_url.as_ref().or(row.base_url.as_ref());
    assert_eq!(Some(at), home, "{what} goes to nobody else's address");
    assert_eq!(scene.headroom.exhausted_until(row.id, &candidate.model, None, NOW), None, "{what}");
    assert_eq!(candidate.provider.id.as_str(), row.provider, "{what} is another provider's");

    let wished = case.data_policy.unwrap_or_default();
    let required = wished.max(case.workspace.data_policy).max(case.project.data_policy);
    let attested = row.data_policy.unwrap_or_default();
    assert!(candidate.provider.data_policy.max(attested) >= required, "{what} promises too little");

    let own = scene.own.iter().any(|one| one.id == row.id);
    assert_eq!(own, candidate.payer == Payer::Byok, "{what}");
    if own {
        assert_eq!(candidate.owner.id, workspace_id());
        assert!(row.project.is_none_or(|project| project == project_id()), "{what} is foreign");
        assert!(row.project.is_some() || case.project.workspace_keys, "{what} is switched off");
        assert!(["self_hosted", "core"].contains(&case.plan), "{what} is not in the plan");
    } else {
        assert_eq!(candidate.owner.id, WorkspaceId::NIL);
    }
}

fn check_wishes(case: &Case, scene: &Scene, candidate: &Candidate<'_>) {
    let what = shown(candidate);
    assert!(case.only != 1 || candidate.payer == Payer::Byok, "only_byok: {what}");
    assert!(case.only != 2 || candidate.payer == Payer::Platform, "only_platform: {what}");
    if let Some(pinned) = case.pin.and_then(|pin| scene.own.get(pin)) {
        assert_eq!(candidate.key.row.id, pinned.id, "{what} is not the pinned one");
    }
    let id = candidate.provider.id.to_string();
    let Names { order, only, ignore, no_fallbacks } = &case.providers;
    assert!(only.as_ref().is_none_or(|only| only.contains(&id)), "{what}");
    assert!(!ignore.contains(&id), "{what}");
    assert!(!no_fallbacks || order.is_empty() || order.contains(&id), "{what}");
    assert!(!no_fallbacks || candidate.rank == 0, "{what}");
    let endpoint = &candidate.provider.speaks[&candidate.way.operation];
    assert_eq!(candidate.way.endpoint, endpoint);
}

fn check_pool(case: &Case, scene: &Scene, plan: &Plan<'_>, candidate: &Candidate<'_>) {
    if candidate.payer == Payer::Byok {
        assert!(candidate.only_after.is_empty());
        return;
    }
    let what = shown(candidate);
    let tier = scene.catalogue.model_tier(&candidate.provider.id, &candidate.model);
    let plans = Plans::shipped();
    let serves = plans.plan(case.plan).is_some_and(|plan| match tier {
        Some(tier) => plan.serves(tier),
        None => plan.pool_tiers.len() == 3,
    });
    assert!(serves, "{what} is not in the plan");
    let mut others = plan.attempts.iter();
    let own = others.any(|it| it.payer == Payer::Byok && it.rank == candidate.rank);
    assert_eq!(own, !candidate.only_after.is_empty(), "{what}");
    let mut after = candidate.only_after.iter();
    assert!(after.all(|cause| case.may_fall_back(*cause)), "{what}");
    let mut causes = FallbackCause::ALL.into_iter();
    assert!(causes.any(|cause| case.may_fall_back(cause)), "{what}");
    let mut exclusions = plan.exclusions.iter().filter(|it| it.rank == candidate.rank);
    let exhausted = exclusions.any(|it| {
        let is_own = it.key.is_some();
        is_own && it.reason.cause().is_some_and(|cause| !case.may_fall_back(cause))
    });
    assert!(!exhausted, "{what} answers for a cause that is not allowed");
}

/// Before those that fail are put back.
fn check_order(case: &Case, plan: &Plan<'_>) {
    for pair in plan.attempts.windows(2) {
        let [one, next] = pair else { continue };
        let (what, then) = (shown(one), shown(next));
        assert!(one.rank <= next.rank, "{what} before {then}");
        if one.rank < next.rank {
            continue;
        }
        assert!(one.payer == Payer::Byok || next.payer == Payer::Platform, "{what}, {then}");
        let same = one.provider.id == next.provider.id && one.payer == next.payer;
        if !same {
            continue;
        }
        let rank = |it: &Candidate<'_>| {
            let row = &it.key.row;
            (it.key.is_sick(), row.project.is_none(), !row.is_default)
        };
        assert!(rank(one) <= rank(next), "{what} before {then}");
    }
    let named = |it: &Candidate<'_>| {
        let mut order = case.providers.order.iter();
        order.position(|name| it.provider.answers_to(name)).unwrap_or(usize::MAX)
    };
    let of_pool = plan.attempts.iter().filter(|it| it.payer == Payer::Platform);
    let places: Vec<_> = of_pool.map(|it| (it.rank, named(it))).collect();
    assert!(places.is_sorted(), "{places:?}");
}

fn all_of(scene: &Scene, plan: &Plan<'_>) -> BTreeSet<String> {
    scene.shown(plan).into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_plan_breaks_a_rule(case in case()) {
        let mut scene = case.scene();
        let asked = case.asked(&scene);
        let Ok(plan) = scene.try_plan(&asked) else { return Ok(()) };
        for candidate in &plan.attempts {
            check_lists(&case, candidate);
            check_key(&case, &scene, candidate);
            check_wishes(&case, &scene, candidate);
            check_pool(&case, &scene, &plan, candidate);
        }
        let asked_of: BTreeSet<_> =
            plan.attempts.iter().map(|it| (it.key.row.id, &it.model)).collect();
        prop_assert_eq!(asked_of.len(), plan.attempts.len(), "a key is asked the same twice");
        if plan.attempts.is_empty() {
            prop_assert_ne!(plan.refusal(workspace_id()).status(), 500);
        }
        let with_failing = all_of(&scene, &plan);

        drop(plan);
        scene.breakers = Default::default();
        let plan = scene.plan(&asked);
        check_order(&case, &plan);
        prop_assert_eq!(all_of(&scene, &plan), with_failing, "failing puts nobody out");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_listed_is_what_can_be_asked(case in case()) {
        let scene = case.scene();
        let (world, acting) = (scene.world(), scene.acting());
        let listed = reachable(&world, &Standing::of(&acting).expect("a project"));
        let listed: BTreeSet<_> = listed.into_iter().map(|model| model.id).collect();

        for provider in scene.catalogue.providers() {
            for (name, facts) in scene.catalogue.models(&provider.id) {
                let id = format!("{}/{name}", provider.id);
                let mut operations = Operation::ALL.into_iter().filter(|it| is_asked(*it, facts));
                let answered = operations.any(|it| is_answered(&world, &acting, it, &id));
                prop_assert_eq!(listed.contains(&id), answered, "{}", id);
            }
        }
    }
}

fn is_asked(operation: Operation, facts: &Model) -> bool {
    operation.kind() == Some(facts.kind)
}

/// Now, or when there is something left again.
fn is_answered(world: &World<'_>, acting: &Acting, operation: Operation, model: &str) -> bool {
    let asked = asked(operation, model);
    let Ok(plan) = plan(world, acting, &asked) else { return false };
    let answers = plan.attempts.iter().any(|it| it.rank == 0);
    answers || plan.exclusions.iter().any(|it| it.rank == 0 && it.reason.code().status() == 429)
}
