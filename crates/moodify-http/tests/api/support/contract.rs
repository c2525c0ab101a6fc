use std::sync::LazyLock;

use http::Method;
use moodify_http::{Services, openapi};
use serde_json::Value;

use super::Answer;

static ALL: LazyLock<Value> = LazyLock::new(|| document(Services::ALL));

fn document(services: Services) -> Value {
    serde_json::to_value(openapi(services)).unwrap_or_default()
}

/// Every code that an operation answers with stands in its documentation; of a `validation_failed`, the
/// code of each field.
#[track_caller]
pub(crate) fn assert_documented(services: Services, method: &Method, path: &str, answer: &Answer) {
    if !(answer.status.is_client_error() || answer.status.is_server_error()) {
        return;
    }
    let own = (services != Services::ALL).then(|| document(services));
    let document = own.as_ref().unwrap_or(&ALL);
    let Some((pattern, operation)) = operation(document, method, path) else { return };
    let Ok(problem) = serde_json::from_slice::<Value>(&answer.body) else { return };
    let code = |problem: &Value| problem["code"].as_str().unwrap_or_default().to_owned();
    let codes = match problem["errors"].as_array() {
        Some(errors) => errors.iter().map(code).collect(),
        None => vec![code(&problem)],
    };
    let content = &operation["responses"][answer.status.as_str()]["content"];
    // Whether a process is ready is no problem document.
    let is_problem = answer.header("content-type") == "application/problem+json";
    for code in codes.iter().filter(|_| is_problem) {
        let documented = &content["application/problem+json"]["examples"][code];
        assert!(documented.is_object(), "{method} {pattern}: {} `{code}` is not documented", answer.status);
    }
}

/// The operation at this address, and its pattern; `None` if there is none.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<(&'a str, &'a Value)> {
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let paths = document["paths"].as_object()?.iter();
    let mut fitting: Vec<_> = paths.filter(|(pattern, _)| fits(pattern, path)).collect();
    // A word before a parameter.
    fitting.sort_by_key(|(pattern, _)| pattern.matches('{').count());
    let (pattern, item) = fitting.first()?;
    Some((pattern, item.get(&method)?))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut parts, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), found.next()) {
            (None, None) => return true,
            (Some(part), Some(found)) if part.starts_with('{') && !found.is_empty() || part == found => {}
            _ => return false,
        }
    }
}
