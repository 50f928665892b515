//! How settings look in the OpenAPI document and in answers, where that differs from how they are kept.

use std::borrow::Cow;

use model::Settings;
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{PROJECTS_ONLY, WebhookFields};

/// Without what means nothing to a workspace.
pub struct WorkspaceSettings(pub Settings);

/// What a request may change of a workspace: what is left out stays, null is the default again.
pub struct WorkspaceFields;

/// What a request may change of a project: what is left out stays, null is the default again.
pub struct ProjectFields;

const CHANGE: &str = "What is left out stays; null is the default again.";

type Schemas = Vec<(String, RefOr<Schema>)>;

impl Serialize for WorkspaceSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut settings = serde_json::to_value(&self.0).map_err(serde::ser::Error::custom)?;
        settings.as_object_mut().and_then(|fields| fields.remove(PROJECTS_ONLY));
        Value::serialize(&settings, serializer)
    }
}

impl PartialSchema for WorkspaceSettings {
    fn schema() -> RefOr<Schema> {
        edited(|object| {
            object.properties.remove(PROJECTS_ONLY);
        })
    }
}

impl ToSchema for WorkspaceSettings {
    fn schemas(schemas: &mut Schemas) {
        Settings::schemas(schemas);
    }
}

impl PartialSchema for WorkspaceFields {
    fn schema() -> RefOr<Schema> {
        edited(|object| {
            object.properties.remove(PROJECTS_ONLY);
            make_optional(object);
        })
    }
}

impl ToSchema for WorkspaceFields {
    fn schemas(schemas: &mut Schemas) {
        ProjectFields::schemas(schemas);
    }
}

impl PartialSchema for ProjectFields {
    fn schema() -> RefOr<Schema> {
        edited(make_optional)
    }
}

impl ToSchema for ProjectFields {
    fn schemas(schemas: &mut Schemas) {
        Settings::schemas(schemas);
        let webhook: Cow<'static, str> = WebhookFields::name();
        schemas.push((webhook.into_owned(), WebhookFields::schema()));
        WebhookFields::schemas(schemas);
    }
}

fn edited(edit: impl FnOnce(&mut Object)) -> RefOr<Schema> {
    let mut schema = Settings::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        edit(object);
    }
    schema
}

fn make_optional(object: &mut Object) {
    object.description = Some(CHANGE.to_owned());
    object.required.clear();
    object.properties.insert("name".to_owned(), String::schema());
    let webhook = Ref::from_schema_name(WebhookFields::name());
    object.properties.insert("webhook".to_owned(), webhook.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(schema: RefOr<Schema>) -> (Vec<String>, Vec<String>) {
        let RefOr::T(Schema::Object(object)) = schema else { panic!("no object") };
        (object.properties.into_keys().collect(), object.required)
    }

    #[test]
    fn every_field_of_a_change_may_be_left_out() {
        for (schema, is_project) in
            [(ProjectFields::schema(), true), (WorkspaceFields::schema(), false)]
        {
            let (properties, required) = properties(schema);

            assert_eq!(required, [""; 0]);
            assert!(properties.iter().any(|name| name == "name"), "{properties:?}");
            assert!(properties.iter().any(|name| name == "rpm_limit"), "{properties:?}");
            assert_eq!(properties.iter().any(|name| name == PROJECTS_ONLY), is_project);
        }
    }

    #[test]
    fn a_workspace_does_not_show_what_only_projects_have() {
        let shown = serde_json::to_value(WorkspaceSettings(Settings::default())).expect("JSON");

        assert!(shown.get("rpm_limit").is_some(), "{shown}");
        assert!(shown.get(PROJECTS_ONLY).is_none(), "{shown}");
    }
}
