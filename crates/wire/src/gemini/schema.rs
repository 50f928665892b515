//! Google's own way to describe a value, `{"type": "STRING", "nullable": true}`, as the JSON schema the others read.

use serde_json::{Map, Value, json};

use super::fields::note;

/// As deep as the parser let it be. Members that are no part of Google's schema are JSON schema already.
pub(super) fn to_json_schema(schema: Value, left_out: &mut Vec<String>) -> Value {
    let Value::Object(members) = schema else { return schema };
    let mut plain = Map::new();
    let mut nullable = false;
    for (name, value) in members {
        match name.as_str() {
            "nullable" => nullable = value == Value::Bool(true),
            "type" => plain.extend(kind(value).map(|kind| (name, kind))),
            // Says no more than that there is an `enum`.
            "format" if value == "enum" => {}
            "example" => {
                plain.insert("examples".to_owned(), json!([value]));
            }
            "propertyOrdering" | "property_ordering" => note(left_out, "propertyOrdering"),
            "properties" | "defs" | "$defs" => {
                let name = if name == "properties" { name } else { "$defs".to_owned() };
                plain.insert(name, each(value, left_out));
            }
            "items"
            | "additionalProperties"
            | "additional_properties"
            | "anyOf"
            | "any_of"
            | "prefixItems"
            | "prefix_items" => {
                plain.insert(camel_case(&name), inner(value, left_out));
            }
            _ => {
                let name = camel_case(&name);
                let value = if COUNTS.contains(&name.as_str()) { count(value) } else { value };
                plain.insert(if name == "ref" { "$ref".to_owned() } else { name }, value);
            }
        }
    }
    if nullable {
        allow_null(&mut plain);
    }
    Value::Object(plain)
}

/// Each value of an object is a schema; its names are the caller's own.
fn each(value: Value, left_out: &mut Vec<String>) -> Value {
    let Value::Object(members) = value else { return value };
    let schemas =
        members.into_iter().map(|(name, schema)| (name, to_json_schema(schema, left_out)));
    Value::Object(schemas.collect())
}

/// A schema, or a list of them.
fn inner(value: Value, left_out: &mut Vec<String>) -> Value {
    let Value::Array(schemas) = value else { return to_json_schema(value, left_out) };
    schemas.into_iter().map(|schema| to_json_schema(schema, left_out)).collect()
}

fn kind(value: Value) -> Option<Value> {
    match value {
        Value::String(kind) if kind == "TYPE_UNSPECIFIED" => None,
        Value::String(kind) => Some(Value::String(kind.to_ascii_lowercase())),
        // A list of types is JSON schema.
        other => Some(other),
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = schema.get("type") {
        let kinds = json!([kind, "null"]);
        schema.insert("type".to_owned(), kinds);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(Value::Array(schemas)) = schema.get_mut("anyOf") {
        schemas.push(json!({"type": "null"}));
    }
}

/// Protobuf writes 64 bits as text.
fn count(value: Value) -> Value {
    match value.as_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(count) => Value::from(count),
        None => value,
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (head, tail) = word.split_at_checked(1).unwrap_or((word, ""));
        camel + &head.to_ascii_uppercase() + tail
    })
}

const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(google: Value, expected: &Value) {
        let mut left_out = Vec::new();

        assert_eq!(to_json_schema(google, &mut left_out), *expected);
        assert_eq!(left_out, Vec::<String>::new());
    }

    #[test]
    fn types_are_lower_case_all_the_way_down() {
        becomes(
            json!({"type": "OBJECT", "required": ["TYPE"], "properties": {
                "TYPE": {"type": "STRING", "format": "enum", "enum": ["OBJECT"]},
                "nullable": {"type": "ARRAY", "minItems": "1", "items": {"type": "INTEGER", "format": "int32"}},
                "any_of": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN", "example": true}]},
            }}),
            &json!({"type": "object", "required": ["TYPE"], "properties": {
                "TYPE": {"type": "string", "enum": ["OBJECT"]},
                "nullable": {"type": "array", "minItems": 1, "items": {"type": "integer", "format": "int32"}},
                "any_of": {"anyOf": [{"type": "number"}, {"type": "boolean", "examples": [true]}]},
            }}),
        );
    }

    #[test]
    fn nullable_is_one_more_type() {
        becomes(
            json!({"type": "STRING", "nullable": true, "enum": ["a"]}),
            &json!({"type": ["string", "null"], "enum": ["a", null]}),
        );
        becomes(
            json!({"anyOf": [{"type": "STRING"}], "nullable": true}),
            &json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        );
        becomes(json!({"type": "STRING", "nullable": false}), &json!({"type": "string"}));
    }

    #[test]
    fn json_schema_stays_what_it_is() {
        let schema = json!({"$schema": "x", "type": ["object", "null"], "$defs": {"a": {"type": "string"}},
            "properties": {"a": {"$ref": "#/$defs/a"}}, "additionalProperties": false});

        becomes(schema.clone(), &schema);
        becomes(json!("no schema"), &json!("no schema"));
    }

    #[test]
    fn an_order_of_properties_is_left_out_and_told_once() {
        let mut left_out = Vec::new();

        let schema = to_json_schema(
            json!({"propertyOrdering": ["a"], "items": {"property_ordering": []}}),
            &mut left_out,
        );

        assert_eq!(schema, json!({"items": {}}));
        assert_eq!(left_out, ["propertyOrdering"]);
    }
}
