use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::PageSize;
use serde::Deserialize;
use utoipa::IntoParams;

use super::artist::ArtistPage;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field, page_size};
use crate::openapi::fields::OfSearch;
use crate::problem::Problem;
use crate::routes::tracks::list_tracks::query;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListArtistsParams {
    /// Words: each must begin a word of the name, whatever its case and accents. The first 8 different words count.
    #[param(max_length = 1000)]
    q: Option<String>,
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Find artists
///
/// The one with the most followers comes first.
#[utoipa::path(
    get,
    path = "/v1/artists",
    operation_id = "list_artists",
    tag = "artists",
    security(("access_token" = [])),
    params(ListArtistsParams),
    responses(
        (status = 200, description = "A page of artists.", body = ArtistPage),
        OfSearch,
    ),
)]
pub(crate) async fn list_artists(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ListArtistsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (q, limit) = check((
        field("/q", params.q.map(query).transpose()),
        field("/limit", params.limit.as_deref().map_or(Ok(PageSize::default()), page_size)),
    ))?;
    let catalog = app.moodify.catalog();
    let listing = catalog.list_artists(&caller, q.as_deref(), limit, params.cursor.as_deref()).await?;
    etag::read(&headers, None, &ArtistPage::from(listing))
}
