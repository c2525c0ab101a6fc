//! The OpenAPI document: what generated clients are built from.

use std::collections::HashSet;

use moodify_http::{Services, openapi};
use serde_json::Value;

use crate::support::World;

fn document() -> Value {
    serde_json::to_value(openapi(Services::ALL)).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().cloned().unwrap_or_default();
        item.keys().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    let names: Vec<String> = paths.iter().flat_map(of_path).collect();
    names
        .into_iter()
        .map(|name| {
            let (method, path) = name.split_once(' ').unwrap();
            let operation = &document["paths"][path][method];
            (name, operation)
        })
        .collect()
}

#[test]
fn it_is_of_version_3_1_and_the_same_every_time() {
    assert_eq!(document()["openapi"], "3.1.0");
    assert_eq!(
        openapi(Services::ALL).to_pretty_json().unwrap(),
        openapi(Services::ALL).to_pretty_json().unwrap()
    );
}

#[test]
fn every_operation_is_named_described_and_tagged() {
    let document = document();
    let operations = operations(&document);
    assert_eq!(operations.len(), 52);
    let mut ids = HashSet::new();
    for (name, operation) in operations {
        let id = operation["operationId"].as_str().unwrap();
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && id.contains('_'), "{name}: {id}");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn every_failure_is_documented_with_an_example() {
    let document = document();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500"), "{name}");
        assert!(responses.keys().any(|status| status.as_str() < "400"), "{name}");
        let secured = operation["security"].is_array();
        assert!(!secured || responses.contains_key("401"), "{name}");
        let has_body = operation["requestBody"].is_object();
        for status in ["400", "408", "413", "415", "422"] {
            assert!(!has_body || responses.contains_key(status), "{name} {status}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            if name == "get /health/ready" && status == "503" {
                continue;
            }
            let content = &response["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
            assert_eq!(content["example"]["status"].to_string(), *status, "{name}");
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn refs<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    found.push(target);
                }
                object.values().for_each(|value| refs(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    refs(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

#[test]
fn no_number_needs_64_bits() {
    let text = document().to_string();
    assert!(!text.contains("int64"));
}

#[tokio::test]
async fn it_is_served_as_generated() {
    let world = World::new();
    let answer = world.get("/openapi.json", "").await;
    assert_eq!(answer.json(200), document());
    world.get_if_none_match("/openapi.json", "", answer.header("etag")).await.empty(304);
}
