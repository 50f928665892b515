//! A JSON schema as this dialect takes one where it promises to keep to it.

use serde_json::{Map, Value, json};

/// Objects have the members that are named and no others. What the provider does not check is told to the model in words.
pub(super) fn tighten(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    let unchecked: Vec<String> = UNCHECKED
        .iter()
        .filter_map(|name| Some(format!("{name}: {}", schema.remove(*name)?)))
        .collect();
    if !unchecked.is_empty() {
        describe(schema, &unchecked.join(", "));
    }
    if is_object(schema) && !matches!(schema.get("additionalProperties"), Some(Value::Object(_))) {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    for (name, inner) in schema.iter_mut() {
        match (name.as_str(), inner) {
            ("$defs" | "definitions" | "properties", Value::Object(named)) => {
                named.values_mut().for_each(tighten);
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(several)) => {
                several.iter_mut().for_each(tighten);
            }
            ("additionalProperties" | "items", one) => tighten(one),
            _ => {}
        }
    }
}

fn describe(schema: &mut Map<String, Value>, rules: &str) {
    let described = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} ({rules})"),
        None => format!("({rules})"),
    };
    schema.insert("description".to_owned(), json!(described));
}

fn is_object(schema: &Map<String, Value>) -> bool {
    let named = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => false,
    };
    named || schema.contains_key("properties")
}

const UNCHECKED: [&str; 12] = [
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::tighten;

    #[test]
    fn every_object_is_closed_and_what_is_not_checked_is_said() {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "minimum": {"type": "integer", "minimum": 1, "maximum": 5, "description": "Stars"},
                "list": {"type": "array", "maxItems": 3, "items": {"properties": {}}},
                "map": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^a"}},
                "either": {"anyOf": [{"type": ["object", "null"], "additionalProperties": true}, {"$ref": "#/$defs/x"}]},
                "kind": {"enum": [{"type": "object"}]},
            },
            "$defs": {"x": {"type": "object"}},
        });

        tighten(&mut schema);

        assert_eq!(
            schema,
            json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "minimum": {"type": "integer", "description": "Stars (maximum: 5, minimum: 1)"},
                    "list": {
                        "type": "array",
                        "description": "(maxItems: 3)",
                        "items": {"properties": {}, "additionalProperties": false},
                    },
                    "map": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "description": "(pattern: \"^a\")"},
                    },
                    "either": {"anyOf": [
                        {"type": ["object", "null"], "additionalProperties": false},
                        {"$ref": "#/$defs/x"},
                    ]},
                    "kind": {"enum": [{"type": "object"}]},
                },
                "$defs": {"x": {"type": "object", "additionalProperties": false}},
            })
        );
    }

    #[test]
    fn what_is_no_schema_is_left_alone() {
        for value in [json!(true), json!("a"), json!([{"type": "object"}]), json!(null)] {
            let mut schema = value.clone();

            tighten(&mut schema);

            assert_eq!(schema, value);
        }
    }
}
