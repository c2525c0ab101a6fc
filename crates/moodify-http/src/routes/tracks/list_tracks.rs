use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use moodify_core::model::{ArtistId, Genre, Invalid, PageSize, TrackSort};
use moodify_core::service::catalog::{Listing, TrackQuery, TrackView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::track::TrackBody;
use crate::app::App;
use crate::etag;
use crate::extract::{Bearer, Params, check, field, page_size};
use crate::openapi::fields::{OfChoice, OfId, OfTexts};
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListTracksParams {
    /// Words: each must begin a word of the title or the artist's name, whatever its case and
    /// accents. The first 8 different words count.
    #[param(max_length = 1000)]
    q: Option<String>,
    /// Only this artist's tracks. Your own come with those that are not public.
    #[param(value_type = Option<uuid::Uuid>)]
    artist_id: Option<String>,
    /// Only this genre.
    #[param(min_length = 1, max_length = 50)]
    genre: Option<String>,
    /// The order. Default: popular for a search, newest otherwise.
    #[param(value_type = Option<TrackOrder>, inline)]
    sort: Option<String>,
    /// How many items at most. Default 20.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The order of a list of tracks.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents moodify_core::model::TrackSort, which is what is read")]
pub(crate) enum TrackOrder {
    /// Latest upload first.
    Newest,
    /// Most plays first.
    Popular,
    /// By title.
    Title,
}

/// A page of tracks.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrackPage {
    items: Vec<TrackBody>,
    /// Goes into `cursor` for the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Find tracks
#[utoipa::path(
    get,
    path = "/v1/tracks",
    operation_id = "list_tracks",
    tag = "tracks",
    security(("access_token" = [])),
    params(ListTracksParams),
    responses(
        (status = 200, description = "A page of tracks.", body = TrackPage),
        OfChoice, OfId, OfTexts,
    ),
)]
pub(crate) async fn list_tracks(
    State(app): State<App>,
    Bearer(caller): Bearer,
    Params(params): Params<ListTracksParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let listing = app.moodify.catalog().list_tracks(&caller, params.check()?).await?;
    etag::read(&headers, None, &TrackPage::from(listing))
}

impl From<Listing<TrackView>> for TrackPage {
    fn from(listing: Listing<TrackView>) -> Self {
        let items = listing.items.into_iter().map(Into::into).collect();
        Self { items, next_cursor: listing.next_cursor }
    }
}

impl ListTracksParams {
    fn check(self) -> Result<TrackQuery, Problem> {
        let (q, artist_id, genre, sort, limit) = check((
            field("/q", self.q.map(query).transpose()),
            field("/artist_id", self.artist_id.as_deref().map(str::parse::<ArtistId>).transpose()),
            field("/genre", self.genre.as_deref().map(Genre::parse).transpose()),
            field("/sort", self.sort.as_deref().map(order).transpose()),
            field("/limit", self.limit.as_deref().map_or(Ok(PageSize::default()), page_size)),
        ))?;
        Ok(TrackQuery { q, artist_id, genre, sort, limit, cursor: self.cursor })
    }
}

/// The words of a search, as they came.
pub(crate) fn query(text: String) -> Result<String, Invalid> {
    /// Eight words count; nobody types a thousand characters to find a song.
    const MAX_CHARS: usize = 1000;
    let too_long = || Invalid::new("too_long", format!("Search for at most {MAX_CHARS} characters."));
    if text.chars().count() > MAX_CHARS { Err(too_long()) } else { Ok(text) }
}

fn order(name: &str) -> Result<TrackSort, Invalid> {
    match name {
        "newest" => Ok(TrackSort::Newest),
        "popular" => Ok(TrackSort::Popular),
        "title" => Ok(TrackSort::Title),
        _ => Err(Invalid::new("invalid_value", "Use newest, popular or title.")),
    }
}
