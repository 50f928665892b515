//! A value that fits a JSON schema: what a model that does as it is told would write.

use serde_json::{Map, Value};

/// A schema may contain itself.
const DEPTH_MAX: usize = 8;

/// Texts differ with `nth`, so that two parallel calls do.
pub(super) fn sample(schema: &Value, nth: usize) -> Value {
    Sampler { root: schema, nth }.value(schema, 0)
}

struct Sampler<'a> {
    root: &'a Value,
    nth: usize,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(same) = self.elsewhere(schema) {
            return self.value(same, depth + 1);
        }
        if let Some(only) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return only.clone();
        }
        match kind(schema).as_str() {
            "array" => vec![self.value(&schema["items"], depth + 1)].into(),
            "boolean" => true.into(),
            "integer" | "number" => schema["minimum"].as_i64().unwrap_or(0).max(21).into(),
            "null" => Value::Null,
            "string" => ["Paris", "Rome"][self.nth % 2].into(),
            _ => self.object(schema, depth),
        }
    }

    /// The required members; all where the schema does not say.
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array();
        let is_needed = |name: &str| required.is_none_or(|names| names.iter().any(|it| it == name));
        let properties = schema["properties"].as_object().into_iter().flatten();
        let needed = properties.filter(|(name, _)| is_needed(name));
        let members: Map<String, Value> =
            needed.map(|(name, of)| (name.clone(), self.value(of, depth + 1))).collect();
        members.into()
    }

    /// What it refers to, or the first of its alternatives.
    fn elsewhere<'b>(&'b self, schema: &'b Value) -> Option<&'b Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.root.pointer(reference.strip_prefix('#')?);
        }
        ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[key].get(0))
    }
}

/// In lower case: Gemini writes `STRING`.
fn kind(schema: &Value) -> String {
    let kind = &schema["type"];
    let kind = kind.get(0).unwrap_or(kind);
    kind.as_str().unwrap_or("object").to_lowercase()
}
