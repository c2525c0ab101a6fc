//! Puts the problems of one status together: one response, with an example for each code.

use std::collections::BTreeMap;

use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, Ref, RefOr, Response};

use crate::problem::PROBLEM_JSON;

/// The examples of all operations, by code: many operations answer with the same.
pub(super) type Examples = BTreeMap<String, RefOr<Example>>;

/// Turns what stands under status and code ([`super::problems::problem`]) into what OpenAPI knows.
pub(super) fn gather(operation: &mut Operation, examples: &mut Examples) {
    let all = std::mem::take(&mut operation.responses.responses);
    let (problems, mut responses): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(key, _)| key.contains(' '));
    for (key, problem) in problems {
        if let (Some((status, code)), RefOr::T(problem)) = (key.split_once(' '), problem) {
            let response = responses.entry(status.to_owned()).or_insert_with(|| opening(status).into());
            if let RefOr::T(response) = response {
                add(response, code, &problem);
            }
            examples.entry(code.to_owned()).or_insert_with(|| example(problem).into());
        }
    }
    operation.responses.responses = responses;
}

fn opening(status: &str) -> Response {
    let mut response = Response::default();
    if status == "422" {
        response.description = "Something in the request is invalid; `errors` says what:".to_owned();
    }
    response
}

fn add(response: &mut Response, code: &str, problem: &Response) {
    let line = format!("- `{code}`: {}", problem.description);
    let before = if response.description.is_empty() { "" } else { "\n" };
    response.description.push_str(before);
    response.description.push_str(&line);
    response.headers.extend(problem.headers.clone());
    let new = || Content::new(Some(Ref::from_schema_name("Problem"))).into();
    if let RefOr::T(content) = response.content.entry(PROBLEM_JSON.to_owned()).or_insert_with(new) {
        let shared = Ref::new(format!("#/components/examples/{code}"));
        content.examples.insert(code.to_owned(), RefOr::Ref(shared));
    }
}

fn example(mut problem: Response) -> Example {
    let value = match problem.content.swap_remove(PROBLEM_JSON) {
        Some(RefOr::T(content)) => content.example,
        _ => None,
    };
    ExampleBuilder::new().summary(problem.description).value(value).build()
}
