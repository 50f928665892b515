//! Takes out of a JSON schema what a provider refuses to read. Knows keywords from names and data, nothing else of schemas.

use serde_json::Value;

/// Removes these keywords wherever they stand as keywords: not a property of that name, nor a value.
pub(super) fn strip(schema: &mut Value, keywords: &[String]) {
    if keywords.is_empty() {
        return;
    }
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| strip(schema, keywords)),
        Value::Object(members) => {
            members.retain(|name, _| !keywords.contains(name));
            for (name, value) in members.iter_mut() {
                match (name.as_str(), value) {
                    (name, _) if OF_DATA.contains(&name) => {}
                    (name, Value::Object(named)) if OF_NAMES.contains(&name) => {
                        named.values_mut().for_each(|schema| strip(schema, keywords));
                    }
                    (_, value) => strip(value, keywords),
                }
            }
        }
        _ => {}
    }
}

/// Their values are no schemas.
const OF_DATA: [&str; 5] = ["const", "default", "enum", "examples", "required"];
/// Their members are schemas under names of the author's own.
const OF_NAMES: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
