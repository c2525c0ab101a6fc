//! Every route, in one flat list: read this first. Each names its handler's file.

pub(crate) mod artists;
pub(crate) mod auth;
pub(crate) mod library;
pub(crate) mod media;
pub(crate) mod operations;
pub(crate) mod playlists;
pub(crate) mod tracks;
pub(crate) mod uploads;

use axum::middleware::from_fn_with_state;
use moodify_core::Services;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::config::Limits;
use crate::middleware::timeout::{Deadline, timeout};
use crate::openapi;

/// The routes of these services, and those that every process has.
pub(crate) fn all(services: Services, limits: Limits) -> OpenApiRouter<App> {
    let quick = from_fn_with_state(Deadline::Server(limits.request), timeout);
    let long = from_fn_with_state(Deadline::Client(limits.upload), timeout);
    let mut list = OpenApiRouter::with_openapi(openapi::frame()).merge(operations());
    if services.auth {
        list = list.merge(auth());
    }
    if services.music {
        list = list.merge(music()).merge(library());
    }
    list = list.layer(quick);
    if services.music {
        list = list.merge(uploads().layer(long));
    }
    list
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(operations::get_liveness::get_liveness))
        .routes(routes!(operations::get_readiness::get_readiness))
        .routes(routes!(operations::get_metrics::get_metrics))
        .routes(routes!(operations::get_openapi::get_openapi))
}

fn auth() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(auth::sign_up_user::sign_up_user))
        .routes(routes!(auth::sign_up_artist::sign_up_artist))
        .routes(routes!(auth::log_in_user::log_in_user))
        .routes(routes!(auth::log_in_artist::log_in_artist))
        .routes(routes!(auth::start_google_sign_in::start_google_sign_in))
        .routes(routes!(auth::finish_google_sign_in::finish_google_sign_in))
        .routes(routes!(auth::refresh_session::refresh_session))
        .routes(routes!(auth::log_out::log_out))
        .routes(routes!(auth::log_out_everywhere::log_out_everywhere))
        .routes(routes!(auth::verify_email::verify_email))
        .routes(routes!(auth::resend_verification::resend_verification))
        .routes(routes!(auth::forgot_password::forgot_password))
        .routes(routes!(auth::reset_password::reset_password))
        .routes(routes!(auth::change_password::change_password))
        .routes(routes!(auth::get_me::get_me, auth::update_me::update_me, auth::delete_me::delete_me))
        .routes(routes!(auth::become_artist::become_artist))
        .routes(routes!(auth::list_sessions::list_sessions))
        .routes(routes!(auth::end_session::end_session))
        .routes(routes!(auth::get_jwks::get_jwks))
}

fn music() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(tracks::list_tracks::list_tracks))
        .routes(routes!(
            tracks::get_track::get_track,
            tracks::update_track::update_track,
            tracks::delete_track::delete_track
        ))
        .routes(routes!(uploads::create_upload::create_upload))
        .routes(routes!(uploads::get_upload::get_upload, uploads::abort_upload::abort_upload))
        .routes(routes!(uploads::complete_upload::complete_upload))
        .routes(routes!(tracks::get_track_audio::get_track_audio))
        .routes(routes!(tracks::get_track_cover::get_track_cover))
        .routes(routes!(
            playlists::create_playlist::create_playlist,
            playlists::list_playlists::list_playlists
        ))
        .routes(routes!(
            playlists::get_playlist::get_playlist,
            playlists::update_playlist::update_playlist,
            playlists::delete_playlist::delete_playlist
        ))
        .routes(routes!(
            playlists::list_playlist_tracks::list_playlist_tracks,
            playlists::add_playlist_tracks::add_playlist_tracks
        ))
        .routes(routes!(
            playlists::move_playlist_entry::move_playlist_entry,
            playlists::remove_playlist_entry::remove_playlist_entry
        ))
        .routes(routes!(media::get_media::get_media))
}

fn library() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(artists::list_artists::list_artists))
        .routes(routes!(artists::get_artist::get_artist))
        .routes(routes!(artists::list_artist_tracks::list_artist_tracks))
        .routes(routes!(artists::get_artist_stats::get_artist_stats))
        .routes(routes!(tracks::report_play::report_play))
        .routes(routes!(library::list_likes::list_likes))
        .routes(routes!(library::like_track::like_track, library::unlike_track::unlike_track))
        .routes(routes!(library::list_follows::list_follows))
        .routes(routes!(library::follow_artist::follow_artist, library::unfollow_artist::unfollow_artist))
        .routes(routes!(library::list_history::list_history))
        .routes(routes!(library::list_changes::list_changes))
}

fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(tracks::create_track::create_track))
        .routes(routes!(media::put_media::put_media))
}

/// A count as the contract writes it: generated clients handle larger numbers differently.
pub(crate) fn int32(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
