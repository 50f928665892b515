//! `list_models`

use control::Caller;
use gateway::{models_of_key, models_of_workspace};
use model::{Refusal, Scope};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use crate::shared::Shared;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListModels {}

pub async fn list_models(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let ListModels {} = asked.arguments.read()?;
    let principal = &asked.principal;
    let reader = principal.may(shared, Scope::Inference).await?;
    let models = match principal.caller {
        Caller::Key(_) => {
            models_of_key(&shared.gateway, Some(principal.credential.as_str()), None).await?
        }
        Caller::Person(_) => models_of_workspace(&shared.gateway, reader.workspace()).await?,
    };
    let models = models.iter().map(|it| json!({ "id": it.id, "provider": it.provider }));
    Ok(json!({ "models": models.collect::<Vec<_>>() }))
}
