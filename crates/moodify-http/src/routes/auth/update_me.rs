use axum::Json;
use axum::extract::State;
use moodify_core::model::{ArtistName, PersonName};
use moodify_core::service::accounts::ProfileChange;
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::AccountBody;
use crate::app::App;
use crate::extract::{Bearer, JsonBody, check, field, not_null};
use crate::openapi::fields::{OfArtistName, OfPersonName, OfTexts};
use crate::problem::Problem;

/// What is to be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = UpdateMeRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMeBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, example = "Ada", min_length = 1, max_length = 100)]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, example = "King", min_length = 1, max_length = 100)]
    last_name: Option<String>,
    /// The name that listeners see. Artists only.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = String, required = false, example = "Nina and the Waves", min_length = 1, max_length = 100)]
    artist_name: Option<String>,
}

/// Change your names
///
/// The e-mail address stays as it is. Access tokens that are out already show the old names until
/// you refresh.
#[utoipa::path(
    patch,
    path = "/v1/me",
    operation_id = "update_me",
    tag = "auth",
    security(("access_token" = [])),
    request_body = UpdateMeBody,
    responses(
        (status = 200, description = "Your account as it is now.", body = AccountBody),
        OfArtistName, OfPersonName, OfTexts,
    ),
)]
pub(crate) async fn update_me(
    State(app): State<App>,
    Bearer(caller): Bearer,
    JsonBody(body): JsonBody<UpdateMeBody>,
) -> Result<Json<AccountBody>, Problem> {
    let (first_name, last_name, artist_name) = check((
        field("/first_name", body.first_name.as_deref().map(PersonName::parse).transpose()),
        field("/last_name", body.last_name.as_deref().map(PersonName::parse).transpose()),
        field("/artist_name", body.artist_name.as_deref().map(ArtistName::parse).transpose()),
    ))?;
    let change = ProfileChange { first_name, last_name, artist_name };
    Ok(Json(app.moodify.accounts().change_profile(&caller, &change).await?.into()))
}
