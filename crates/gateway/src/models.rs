//! What can be asked for: the models for which there would be a plan. Asks no provider.

use model::catalogue::{Model, ModelKind};
use model::{Operation, ProviderId, Refusal, WorkspaceId};
use wire::Wishes;

use crate::Gateway;
use crate::asked::{Asked, Pricing};
use crate::authenticate::{identify, workspace};
use crate::authorize::{Rates, act};
use crate::plan::{Plan, Standing, World, plan_for};

/// A model by a name that reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachableModel {
    pub id: String,
    /// Whose it is; of an alias, whoever would answer.
    pub provider: ProviderId,
    /// What the catalogue knows of it.
    pub kind: Option<ModelKind>,
    pub context: Option<u64>,
    pub output: Option<u64>,
}

impl ReachableModel {
    fn new(id: String, provider: &ProviderId, facts: Option<&Model>) -> Self {
        Self {
            id,
            provider: provider.clone(),
            kind: facts.map(|facts| facts.kind),
            context: facts.and_then(|facts| facts.context),
            output: facts.and_then(|facts| facts.output),
        }
    }

    /// Whether this is its name without its provider.
    pub fn is_bare(&self, name: &str) -> bool {
        self.id.split_once('/').is_some_and(|(_, bare)| bare == name)
    }
}

/// What a gateway key may ask for, in the project that is named.
pub async fn models_of_key(
    gw: &Gateway,
    credential: Option<&str>,
    project: Option<&str>,
) -> Result<Vec<ReachableModel>, Refusal> {
    let acting = act(identify(gw, credential).await?, project)?;
    Rates::count(&gw.rates, &acting).await?;
    Ok(reachable(&World::of(gw).await?, &Standing::of(&acting)?))
}

/// What a workspace reaches from its default project.
pub async fn models_of_workspace(
    gw: &Gateway,
    id: WorkspaceId,
) -> Result<Vec<ReachableModel>, Refusal> {
    let workspace = workspace(gw, id).await?.ok_or_else(Refusal::not_found)?;
    Ok(reachable(&World::of(gw).await?, &Standing::of_workspace(&workspace, None)?))
}

/// Every model of the catalogue and every alias that some operation reaches.
pub fn reachable(world: &World<'_>, standing: &Standing<'_>) -> Vec<ReachableModel> {
    let mut models = Vec::new();
    for provider in world.catalogue.providers() {
        for (name, facts) in world.catalogue.models(&provider.id) {
            let id = format!("{}/{name}", provider.id);
            if operations(Some(facts)).any(|it| answers(world, standing, it, &id).is_some()) {
                models.push(ReachableModel::new(id, &provider.id, Some(facts)));
            }
        }
    }
    for alias in standing.rules.aliases() {
        let answered = operations(None).find_map(|it| answers(world, standing, it, alias));
        let is_new = models.iter().all(|model| model.id != alias);
        if let Some((provider, model)) = answered.filter(|_| is_new) {
            let facts = world.catalogue.model(&provider, &model);
            models.push(ReachableModel::new(alias.to_owned(), &provider, facts));
        }
    }
    models
}

/// What a model may be asked; everything where nothing is known of it.
fn operations(facts: Option<&Model>) -> impl Iterator<Item = Operation> {
    let asks = move |operation: &Operation| match (facts, operation.kind()) {
        (Some(facts), Some(kind)) => kind == facts.kind || facts.only.contains(operation),
        (None, kind) => kind.is_some(),
        (Some(_), None) => false,
    };
    Operation::ALL.into_iter().filter(asks)
}

/// Who answers, and under which name of the model.
fn answers(
    world: &World<'_>,
    standing: &Standing<'_>,
    operation: Operation,
    name: &str,
) -> Option<(ProviderId, String)> {
    let asked = Asked {
        operation,
        model: Some(name.to_owned()),
        stream: false,
        wishes: Wishes { fallback_models: Some(Vec::new()), ..Wishes::default() },
        passthrough: None,
        body_bytes: 0,
        pricing: Pricing::of(operation),
        output_tokens_max: None,
    };
    plan_for(world, standing, &asked).ok().as_ref().and_then(Plan::reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::scene::Scene;

    fn ids(scene: &Scene) -> Vec<String> {
        let acting = scene.acting();
        let models = reachable(&scene.world(), &Standing::of(&acting).expect("a project"));
        models.into_iter().map(|model| model.id).collect()
    }

    #[test]
    fn models_of_every_kind_are_listed_and_only_those_with_a_key() {
        let mut scene = Scene::new();
        assert!(ids(&scene).is_empty());

        scene.own("openai", "mine");
        let openai = ["openai/big", "openai/newest", "openai/small", "openai/vectors"];
        assert_eq!(ids(&scene), openai);
        scene.exhaust("mine", None);
        assert_eq!(ids(&scene), openai, "they come back");
        scene.own.clear();
        scene.platform("groq", "pool");
        assert_eq!(ids(&scene), ["groq/llama"]);
    }

    #[test]
    fn aliases_are_listed_by_their_names() {
        let mut scene = Scene::new();
        scene.own("openai", "mine");
        let alias = |name: &str, model: &str| (name.to_owned(), model.to_owned());
        scene.workspace.model_aliases =
            [alias("fast", "openai/small"), alias("far", "groq/llama")].into();
        scene.project.model_aliases =
            [alias("fast", "openai/small"), alias("openai/big", "openai/small")].into();
        let acting = scene.acting();

        let models = reachable(&scene.world(), &Standing::of(&acting).expect("a project"));

        let fast: Vec<_> = models.iter().filter(|model| model.id == "fast").collect();
        assert_eq!(fast.len(), 1);
        assert_eq!((fast[0].provider.as_str(), fast[0].context), ("openai", Some(1000)));
        assert!(models.iter().all(|model| model.id != "far"));
        assert_eq!(models.iter().filter(|model| model.id == "openai/big").count(), 1);
        assert!(models.iter().any(|model| model.is_bare("big")));
    }
}
