//! What a session waits for.

use std::time::Duration;

use moodify_core::model::Timestamp;
use moodify_core::port::Clock;
use socketioxide::extract::SocketRef;
use tokio_util::sync::CancellationToken;

/// How often, and how many times, a socket whose buffer is full is asked to go. The library cannot
/// cut a line; whoever serves it does when nothing of what was written is taken.
const FAREWELL_INTERVAL: Duration = Duration::from_millis(250);
const FAREWELLS: usize = 240;

/// Ends the socket: at once, or as soon as there is room for the word that says so.
pub(super) async fn dismiss(socket: &SocketRef, gone: &CancellationToken, clock: &dyn Clock) {
    for _ in 0..FAREWELLS {
        if gone.is_cancelled() || socket.clone().disconnect().is_ok() {
            return;
        }
        tokio::select! {
            () = gone.cancelled() => return,
            () = clock.sleep(FAREWELL_INTERVAL) => {}
        }
    }
}

/// Returns at this moment.
pub(super) async fn until(clock: &dyn Clock, moment: Timestamp) {
    let left = moment.duration_since(clock.now());
    // In the past: at once.
    clock.sleep(left.try_into().unwrap_or(Duration::ZERO)).await;
}

/// The same, or never.
pub(super) async fn until_some(clock: &dyn Clock, moment: Option<Timestamp>) {
    match moment {
        Some(moment) => until(clock, moment).await,
        None => std::future::pending().await,
    }
}
