use axum::extract::FromRequestParts;
use http::request::Parts;
use moodify_core::model::{Invalid, PageSize};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::json::{child, field_error};
use super::{check, field};
use crate::app::App;
use crate::problem::Problem;

/// Query parameters. Types that are read this way derive `Deserialize` with `deny_unknown_fields`
/// and have optional texts only: what the texts mean is checked with [`super::check`].
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut params = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if params.insert(name.clone().into_owned(), value.into()).is_some() {
            let pointer = child("", &name);
            return Err(Problem::invalid_field(
                pointer,
                "duplicate_field",
                "This parameter stands here twice.",
            ));
        }
    }
    serde_json::from_value(params.into())
        .map_err(|error| Problem::invalid(vec![field_error("", &error.to_string())]))
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageParams {
    pub(crate) fn check(self) -> Result<(PageSize, Option<String>), Problem> {
        let limit = self.limit.as_deref().map_or(Ok(PageSize::default()), page_size);
        let (limit,) = check((field("/limit", limit),))?;
        Ok((limit, self.cursor))
    }
}

/// The `limit` of a list.
pub(crate) fn page_size(text: &str) -> Result<PageSize, Invalid> {
    let limit = text.parse().map_err(|_| Invalid::new("invalid_type", "This must be a whole number."))?;
    PageSize::new(limit)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        q: Option<String>,
    }

    #[test]
    fn only_known_parameters_once() {
        assert_eq!(parse::<Query>("q=a%20b+c").unwrap().q.as_deref(), Some("a b c"));
        assert_eq!(parse::<Query>("").unwrap().q, None);
        for (query, pointer, code) in [
            ("x=1", "/x", "unknown_field"),
            ("q=1&q=2", "/q", "duplicate_field"),
            ("q[$ne]=1", "/q[$ne]", "unknown_field"),
        ] {
            let error = &parse::<Query>(query).unwrap_err().errors[0];
            assert_eq!((error.pointer.as_str(), error.code), (pointer, code), "{query}");
        }
    }
}
