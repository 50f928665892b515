//! What the OpenAPI document says can be sent: every operation with its parameters and the fields of its body.

use serde_json::Value;

pub struct Operation {
    /// As in `GET /v1/me`.
    pub name: String,
    pub path_parameters: Vec<String>,
    pub query_parameters: Vec<String>,
    /// Empty for an operation without a body.
    pub fields: Vec<String>,
    pub has_body: bool,
}

pub fn read(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let parameters = |place: &str| {
                let all = operation["parameters"].as_array().into_iter().flatten();
                let here = all.filter(|parameter| parameter["in"] == place);
                here.filter_map(|it| it["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
            };
            let body = operation.pointer("/requestBody/content/application~1json/schema");
            let mut fields = Vec::new();
            if let Some(schema) = body {
                collect(document, schema, &mut fields);
            }
            operations.push(Operation {
                name: format!("{} {path}", method.to_uppercase()),
                path_parameters: parameters("path"),
                query_parameters: parameters("query"),
                fields,
                has_body: body.is_some(),
            });
        }
    }
    operations
}

fn collect(document: &Value, schema: &Value, fields: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.strip_prefix('#').expect("a reference within");
        collect(document, document.pointer(pointer).expect("what is referred to"), fields);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, fields);
    }
    let named = schema["properties"].as_object().into_iter().flatten();
    fields.extend(named.map(|(name, _)| name.clone()));
}
