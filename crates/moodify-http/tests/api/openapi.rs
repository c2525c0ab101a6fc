//! The OpenAPI document: what generated clients are built from.

use std::collections::HashSet;

use moodify_core::model::search::MAX_QUERY_WORDS;
use moodify_http::{Services, openapi};
use serde_json::{Value, json};

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
    assert_eq!(operations.len(), 61);
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
        // What is sent to a signed address is what was signed, or forbidden.
        let expected: &[&str] = match operation["tags"][0].as_str() {
            Some("media") => &["400", "408"],
            _ => &["400", "408", "413", "415", "422"],
        };
        for status in expected {
            assert!(!has_body || responses.contains_key(*status), "{name} {status}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            if name == "get /health/ready" && status == "503" {
                continue;
            }
            let content = &response["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
            let description = response["description"].as_str().unwrap();
            let examples = content["examples"].as_object().unwrap();
            assert!(!examples.is_empty(), "{name} {status}");
            for (code, example) in examples {
                assert!(description.contains(&format!("- `{code}`: ")), "{name} {status} {code}");
                let example = example["$ref"].as_str().unwrap().trim_start_matches('#');
                let value = &document.pointer(example).unwrap()["value"];
                assert_eq!(value["status"].to_string(), *status, "{name} {code}");
                assert_eq!(value.pointer("/errors/0/code").unwrap_or(&value["code"]), code, "{name}");
            }
        }
    }
}

#[test]
fn the_known_codes_of_an_operation_stand_beside_each_other() {
    let document = document();
    let codes = |method: &str, path: &str, status: &str| -> Vec<String> {
        let response = &document["paths"][path][method]["responses"][status];
        let examples = response["content"]["application/problem+json"]["examples"].as_object();
        examples.into_iter().flat_map(|examples| examples.keys().cloned()).collect()
    };
    assert_eq!(
        codes("patch", "/v1/tracks/{track_id}", "400"),
        ["ambiguous_host", "malformed_body", "malformed_if_match", "malformed_json",]
    );
    assert_eq!(codes("delete", "/v1/tracks/{track_id}", "412"), ["stale_version"]);
    assert_eq!(codes("get", "/v1/me", "401"), ["invalid_token", "token_expired", "unauthorized"]);
    assert_eq!(codes("get", "/v1/me", "503"), ["timeout", "unavailable"]);
    assert_eq!(codes("post", "/v1/auth/logout", "400"), ["ambiguous_cookie", "ambiguous_host"]);
    let entry = "/v1/playlists/{playlist_id}/tracks/{entry_id}";
    assert_eq!(codes("delete", entry, "404"), ["entry_not_found", "playlist_not_found"]);
    assert_eq!(codes("get", "/media/{kind}/{name}", "403"), ["invalid_signature", "url_expired"]);
    assert_eq!(codes("get", "/.well-known/jwks.json", "429"), [] as [String; 0], "it is not counted");
    for code in ["wrong_password", "password_too_common", "required"] {
        assert!(codes("post", "/v1/auth/password/change", "422").contains(&code.to_owned()), "{code}");
    }
}

#[test]
fn the_token_of_a_session_in_a_cookie_need_not_be_in_the_body() {
    let document = document();
    let refresh = &document["paths"]["/v1/auth/refresh"]["post"];
    assert_eq!(refresh["security"], json!([{}, {"session_cookie": []}]));
    assert_ne!(refresh["requestBody"]["required"], true);
    let schema = &refresh["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/RefreshRequest");
}

#[test]
fn covers_come_in_two_sizes() {
    let document = document();
    let parameters = &document["paths"]["/v1/tracks/{track_id}/cover"]["get"]["parameters"];
    let size = parameters.as_array().unwrap().iter().find(|parameter| parameter["name"] == "size").unwrap();
    assert_eq!(size["schema"], json!({"type": "integer", "format": "int32", "enum": [160, 640]}));
    assert_eq!(size["required"], false);
}

#[tokio::test]
async fn reads_say_that_they_are_conditional() {
    let (document, world) = (document(), World::new());
    let nina = world.artist("nina").await;
    let track = world.track(&nina, "Slow Tide").await;
    let playlist = json!({ "title": "Sea", "track_ids": [track["id"]] });
    let playlist = world.post("/v1/playlists", &nina.token, playlist).await.json(201);
    let upload = json!({ "content_type": "audio/mpeg", "size_bytes": 7 });
    let upload = world.post("/v1/uploads", &nina.token, upload).await.json(201);
    let known = [
        ("artist", nina.artist_id()),
        ("track", text(&track)),
        ("playlist", text(&playlist)),
        ("upload", text(&upload)),
    ];
    let mut conditional = 0;
    for (name, operation) in operations(&document) {
        // Media is read by signed URLs, which no test of the document has.
        let Some(path) = name.strip_prefix("get ").filter(|path| !path.starts_with("/media/")) else {
            continue;
        };
        let path = known
            .iter()
            .fold(path.to_owned(), |path, (what, id)| path.replace(&format!("{{{what}_id}}"), id));
        assert!(!path.contains('{'), "{path}");
        let answer = world.get(&path, &nina.token).await;
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let says = parameters.filter(|parameter| parameter["name"] == "If-None-Match").count();
        let carries = usize::from(!answer.header("etag").is_empty());
        assert_eq!(says, carries, "{name}");
        assert_eq!(operation["responses"]["200"]["headers"]["ETag"].is_object(), carries == 1, "{name}");
        assert_eq!(operation["responses"]["304"].is_object(), carries == 1, "{name}");
        if carries == 1 {
            world.get_if_none_match(&path, &nina.token, answer.header("etag")).await.empty(304);
        }
        conditional += carries;
    }
    assert!(conditional >= 17, "{conditional}");
}

/// The id of what was answered.
fn text(body: &Value) -> &str {
    body["id"].as_str().unwrap()
}

#[test]
fn searches_say_how_many_words_count() {
    let document = document();
    for path in ["/v1/tracks", "/v1/artists"] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let q = parameters.iter().find(|parameter| parameter["name"] == "q").unwrap();
        let expected = format!("The first {MAX_QUERY_WORDS} different words count");
        assert!(q["description"].as_str().unwrap().contains(&expected), "{q}");
    }
}

/// The service that nginx sends a path to: an exact `location` first, then the longest that begins it.
fn service_of<'a>(locations: &[(bool, &'a str, &'a str)], path: &str) -> Option<&'a str> {
    let exact = locations.iter().find(|(exact, place, _)| *exact && *place == path);
    let prefixes = locations.iter().filter(|(exact, place, _)| !exact && path.starts_with(place));
    let longest = prefixes.max_by_key(|(_, place, _)| place.len());
    exact.or(longest).map(|(_, _, service)| *service)
}

#[test]
fn the_proxy_sends_each_path_to_the_service_that_has_it() {
    let routes = include_str!("../../../../deploy/routes.conf");
    let blocks = routes.split("\nlocation ").skip(1).filter_map(|block| block.split_once('{'));
    let locations: Vec<_> = blocks
        .filter_map(|(place, inside)| {
            let service = inside.split('}').next()?.trim().strip_prefix("proxy_pass http://")?;
            let (exact, place) = place.strip_prefix("= ").map_or((false, place), |place| (true, place));
            Some((exact, place.trim(), service.trim_end_matches(';')))
        })
        .collect();
    assert!(locations.len() > 5, "{locations:?}");
    let paths = |services| -> HashSet<String> {
        let document = serde_json::to_value(openapi(services)).unwrap();
        document["paths"].as_object().unwrap().keys().cloned().collect()
    };
    let (auth, music) = (paths(Services::AUTH), paths(Services::MUSIC));
    for (services, other, name) in [(&auth, &music, "auth"), (&music, &auth, "music")] {
        for path in services.difference(other) {
            assert_eq!(service_of(&locations, path), Some(name), "{path}");
        }
    }
    assert_eq!(service_of(&locations, "/socket.io/"), Some("sync"));
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
