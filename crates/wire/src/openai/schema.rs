//! What OpenAI insists on in a schema. Knows keywords from names and data, nothing else of schemas.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// A tool's schema: an object's, and with its properties, however few.
pub(super) fn of_tool(parameters: Option<&Value>) -> Value {
    let mut schema = match parameters {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(schema)) => schema.clone(),
        // What is no schema is refused in better words by whoever knows what it should be.
        Some(other) => return other.clone(),
    };
    schema.entry("type").or_insert_with(|| json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    schema.into()
}

/// Whether a tool's schema can be kept to the letter, as it is sent.
pub(super) fn tool_may_be_strict(parameters: Option<&Value>) -> bool {
    may_be_strict(&of_tool(parameters))
}

/// Whether it can be kept to the letter: every object names its members, needs them all and has no others.
pub(super) fn may_be_strict(schema: &Value) -> bool {
    match schema {
        Value::Array(schemas) => schemas.iter().all(may_be_strict),
        Value::Object(keywords) => {
            is_closed(keywords)
                && keywords.iter().all(|(name, value)| match (name.as_str(), value) {
                    (name, _) if OF_DATA.contains(&name) => true,
                    (name, Value::Object(named)) if OF_NAMES.contains(&name) => {
                        named.values().all(may_be_strict)
                    }
                    (_, value) => may_be_strict(value),
                })
        }
        _ => true,
    }
}

/// No object, or one without optional members and without others than it names.
fn is_closed(keywords: &Map<String, Value>) -> bool {
    let is_object = match keywords.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => keywords.contains_key("properties"),
    };
    if !is_object {
        return true;
    }
    let required = keywords.get("required").and_then(Value::as_array);
    let required: HashSet<&str> =
        required.into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = keywords.get("properties").and_then(Value::as_object);
    let needs_all =
        properties.into_iter().flatten().all(|(name, _)| required.contains(name.as_str()));
    needs_all && keywords.get("additionalProperties") == Some(&Value::Bool(false))
}

/// Their values are no schemas.
const OF_DATA: [&str; 5] = ["const", "default", "enum", "examples", "required"];
/// Their members are schemas under names of the author's own.
const OF_NAMES: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{may_be_strict, of_tool};

    #[test]
    fn a_tools_schema_is_an_objects_and_has_properties() {
        let bare = json!({"type": "object", "properties": {}});
        for given in [None, Some(Value::Null), Some(json!({})), Some(json!({"type": "object"}))] {
            assert_eq!(of_tool(given.as_ref()), bare, "{given:?}");
        }
        let whole = json!({"type": "object", "properties": {"a": {}}, "required": ["a"]});
        assert_eq!(of_tool(Some(&whole)), whole);
    }

    #[test]
    fn a_schema_is_strict_where_every_object_in_it_is() {
        let closed = |inner: Value| {
            json!({
                "type": "object", "properties": {"a": inner},
                "required": ["a"], "additionalProperties": false,
            })
        };
        let open = json!({"type": "object", "properties": {"b": {}}, "required": ["b"]});
        let optional =
            json!({"type": "object", "properties": {"b": {}}, "additionalProperties": false});

        for strict in [
            closed(json!({"type": "string"})),
            closed(closed(json!({"enum": [{"type": "object"}]}))),
            json!({"type": "object", "properties": {}, "additionalProperties": false}),
        ] {
            assert!(may_be_strict(&strict), "{strict}");
        }
        for loose in [
            open.clone(),
            closed(optional.clone()),
            closed(json!({"type": "array", "items": open})),
            closed(json!({"anyOf": [{"type": "null"}, optional.clone()]})),
            json!({"$ref": "#/$defs/x", "$defs": {"x": optional}}),
            json!({"type": ["object", "null"]}),
            json!({"type": "object"}),
        ] {
            assert!(!may_be_strict(&loose), "{loose}");
        }
    }
}
