//! The OpenAPI document, as a table of what can be attacked.

use http::Method;
use moodify_http::{Services, openapi};
use serde_json::{Map, Value, json};

/// An identifier of nothing.
pub(crate) const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";
/// Those that an operation may have, and one that none has.
pub(crate) const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE];

/// An operation as the document describes it.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<String>,
    pub(crate) path_parameters: Vec<String>,
    /// A body that has every field, when it takes JSON.
    pub(crate) json: Option<Map<String, Value>>,
    pub(crate) multipart: bool,
    pub(crate) needs_token: bool,
}

/// The whole document.
pub(crate) struct Contract(pub(crate) Value);

impl Contract {
    pub(crate) fn read() -> Self {
        Self(serde_json::to_value(openapi(Services::ALL)).unwrap())
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(name(method)).is_some());
            methods.map(|method| self.operation(path, method, &item[name(method)]))
        });
        all.collect()
    }

    fn operation(&self, path: &str, method: &Method, operation: &Value) -> Operation {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = |place: &str| {
            let here = parameters.iter().filter(|parameter| parameter["in"] == place);
            here.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        let content = &operation["requestBody"]["content"];
        let json = content.get("application/json").map(|json| self.sample(&json["schema"]));
        Operation {
            method: method.clone(),
            path: path.to_owned(),
            query: named("query"),
            path_parameters: named("path"),
            json: json.map(|json| json.as_object().unwrap().clone()),
            multipart: content.get("multipart/form-data").is_some(),
            needs_token: operation["security"].as_array().is_some_and(|ways| {
                !ways.is_empty() && ways.iter().all(|way| way.as_object().is_some_and(|way| !way.is_empty()))
            }),
        }
    }

    /// A value that fits this schema, with every field.
    fn sample(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.sample(self.0.pointer(reference.trim_start_matches('#')).unwrap());
        }
        if let Some(example) = schema.get("example").or_else(|| schema.pointer("/examples/0")) {
            return example.clone();
        }
        if let Some(constant) = schema.pointer("/enum/0") {
            return constant.clone();
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            let mut choices = schema[choice].as_array().into_iter().flatten();
            if let Some(chosen) = choices.rfind(|schema| schema["type"] != "null") {
                return self.sample(chosen);
            }
        }
        let is = |kind: &str| match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(|found| found == kind),
            found => found == kind,
        };
        if let Some(properties) = schema["properties"].as_object() {
            return properties.iter().map(|(name, schema)| (name.clone(), self.sample(schema))).collect();
        }
        match () {
            () if is("string") && schema["format"] == "uuid" => json!(NOWHERE),
            () if is("string") && schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
            () if is("string") => json!("a sample of text"),
            () if is("integer") || is("number") => json!(1),
            () if is("boolean") => json!(true),
            () if is("array") => json!([self.sample(&schema["items"])]),
            () => json!({}),
        }
    }
}

pub(crate) fn name(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}
