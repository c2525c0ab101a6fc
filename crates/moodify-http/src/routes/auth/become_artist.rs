use axum::Json;
use axum::extract::State;
use moodify_core::model::ArtistName;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::AccountBody;
use crate::app::App;
use crate::extract::{Bearer, JsonBody, check, field};
use crate::openapi::fields::OfTexts;
use crate::openapi::problems::AlreadyArtist;
use crate::problem::Problem;

/// What makes a listener an artist.
#[derive(Deserialize, ToSchema)]
#[schema(as = BecomeArtistRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct BecomeArtistBody {
    /// The name that listeners see.
    #[schema(example = "Nina and the Tides", min_length = 1, max_length = 100)]
    artist_name: String,
}

/// Become an artist
///
/// The access token still says otherwise: refresh, and upload with the one you get. All your other
/// sessions end.
#[utoipa::path(
    post,
    path = "/v1/me/artist",
    operation_id = "become_artist",
    tag = "auth",
    security(("access_token" = [])),
    request_body = BecomeArtistBody,
    responses(
        (status = 200, description = "Your account, an artist's now.", body = AccountBody),
        AlreadyArtist, OfTexts,
    ),
)]
pub(crate) async fn become_artist(
    State(app): State<App>,
    Bearer(caller): Bearer,
    JsonBody(body): JsonBody<BecomeArtistBody>,
) -> Result<Json<AccountBody>, Problem> {
    let (name,) = check((field("/artist_name", ArtistName::parse(&body.artist_name)),))?;
    Ok(Json(app.moodify.accounts().become_artist(&caller, name).await?.into()))
}
