use axum::extract::State;
use axum::response::Response;
use moodify_core::model::{CoverSize, Invalid, TrackId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use super::track::redirect;
use crate::app::App;
use crate::extract::{Bearer, Params, PathId, check, field};
use crate::openapi::fields::OfChoice;
use crate::openapi::problems::{CoverNotFound, TrackNotFound};
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CoverParams {
    /// Width and height in pixels: 160 or 640. Default 640.
    #[param(schema_with = sizes, required = false)]
    size: Option<String>,
}

fn sizes() -> Schema {
    let sizes = CoverSize::ALL.map(CoverSize::pixels);
    let schema = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(sizes));
    schema.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32))).into()
}

/// The stable address of a track's cover
///
/// Leads to a fresh signed address.
#[utoipa::path(
    get,
    path = "/v1/tracks/{track_id}/cover",
    operation_id = "get_track_cover",
    tag = "tracks",
    security(("access_token" = [])),
    params(("track_id" = uuid::Uuid, Path), CoverParams),
    responses(
        (status = 307, description = "The cover is there.", headers(
            ("Location" = String, description = "A signed address."),
        )),
        TrackNotFound, CoverNotFound, OfChoice,
    ),
)]
pub(crate) async fn get_track_cover(
    State(app): State<App>,
    Bearer(caller): Bearer,
    PathId(id): PathId<TrackId>,
    Params(params): Params<CoverParams>,
) -> Result<Response, Problem> {
    let (size,) = check((field("/size", params.size.as_deref().map_or(Ok(CoverSize::Large), size)),))?;
    redirect(&app.moodify.catalog().cover_url(&caller, id, size).await?)
}

fn size(text: &str) -> Result<CoverSize, Invalid> {
    let found = CoverSize::ALL.into_iter().find(|size| size.pixels().to_string() == text);
    found.ok_or_else(|| Invalid::new("invalid_value", "Covers come in 160 and 640 pixels."))
}
