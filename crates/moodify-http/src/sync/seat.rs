//! A transport's own place among its listener's connections.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use moodify_core::service::playback::Place;
use socketioxide::extract::SocketRef;

/// Keeps a place for as long as a transport is open, whatever became of its session: what it holds
/// for a device that does not read is there until then. The library drops it with the transport.
#[derive(Clone, Default)]
struct Seat(Arc<Mutex<Option<Place>>>);

/// Gives the transport that a request may open a seat.
pub(super) fn seated(mut request: Request) -> Request {
    if super::is_socket(request.uri().path()) {
        request.extensions_mut().insert(Seat::default());
    }
    request
}

/// The session ends, and leaves its place to the transport.
pub(super) fn leave(socket: &SocketRef, place: Place) {
    set(socket, Some(place));
}

/// Another session begins on the transport, with a place of its own.
pub(super) fn take_over(socket: &SocketRef) {
    set(socket, None);
}

fn set(socket: &SocketRef, place: Option<Place>) {
    if let Some(Seat(seat)) = socket.req_parts().extensions.get() {
        *seat.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}
