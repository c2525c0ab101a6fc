//! Who may connect.

use std::sync::{Arc, Mutex};

use http::HeaderMap;
use moodify_core::service::Playback;
use moodify_core::service::playback::{Budget, Lane};
use moodify_core::{Error, model::Caller};
use socketioxide::extract::SocketRef;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Authenticator;
use super::inbox::{Conduct, inbox};
use super::intake::{ClockIntake, Desk, Intake};
use super::seat;
use super::session::{Parked, Session};
use super::wire::{Failure, Handshake};
use crate::cookies::{CookieSessions, Sender, SessionCookie};

/// What a socket needs to become a session.
pub(super) struct Gate {
    pub playback: Arc<Playback>,
    pub authenticator: Arc<dyn Authenticator>,
    pub cookies: Option<CookieSessions>,
    pub sessions: TaskTracker,
    /// The endpoint ends, and with it every session.
    pub closing: CancellationToken,
    /// The largest message that is looked at.
    pub max_message_bytes: usize,
}

impl Gate {
    /// Lets a socket in, or says by a code why not: all that the library can tell a client.
    ///
    /// The handlers stand before the client learns that it is connected: what it sends at once is
    /// not lost.
    pub(super) async fn admit(
        self: Arc<Self>,
        socket: &SocketRef,
        auth: Option<Handshake>,
    ) -> Result<(), &'static str> {
        let token = match auth {
            Some(handshake) => handshake.token,
            None => self.cookie(&socket.req_parts().headers).ok_or("unauthorized")?,
        };
        let caller = self.caller(&token).await?;
        seat::take_over(socket);
        let opened = self.playback.connect(&caller).await.map_err(code)?;
        let (connection, signals) = opened.map_err(|refusal| refusal.code())?;

        let now = self.playback.context().now();
        let config = self.playback.config();
        let budget = || Budget::per_second(config.messages_per_second, now);
        // The largest message has room a few times.
        let max_bytes = self.max_message_bytes;
        let (inbox, messages) = inbox(max_bytes.saturating_mul(4));
        let gone = self.closing.child_token();
        let conduct = Arc::new(Conduct::new(gone.clone()));
        let desk = Arc::new(Desk { inbox, conduct: conduct.clone(), max_bytes });
        listen(socket, &desk, &gone);
        let (clock, place) = (self.playback.context().clock.clone(), connection.place().clone());
        socket.on("clock", ClockIntake { clock, budget: Mutex::new(budget()), place, desk });
        let session = Session {
            connection,
            signals,
            messages,
            lane: Lane::new(config.sequence_wait),
            commands: budget(),
            others: budget(),
            conduct,
            held: None,
            missed: None,
            gone,
            _alive: self.sessions.token(),
            gate: self.clone(),
        };
        socket.extensions.insert(Parked::new(session));
        Ok(())
    }

    /// The access token of a session in a cookie, unless another site's page opened the socket.
    fn cookie(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = self.cookies.as_ref().filter(|cookies| cookies.sender(headers) != Sender::Stranger)?;
        cookies.find(headers, SessionCookie::Access).ok()?
    }

    async fn caller(&self, token: &str) -> Result<Caller, &'static str> {
        self.authenticator.authenticate(token).await.map_err(code)
    }
}

fn code(error: Error) -> &'static str {
    match error {
        Error::Unauthenticated(moodify_core::AuthFailure::ExpiredToken) => "token_expired",
        Error::Unauthenticated(_) => "unauthorized",
        fault => Failure::from(fault).code,
    }
}

fn listen(socket: &SocketRef, desk: &Arc<Desk>, gone: &CancellationToken) {
    // One for all events: a table of them would be a part of every idle socket.
    socket.on_fallback(Intake { desk: desk.clone() });
    let gone = gone.clone();
    socket.on_disconnect(move || {
        gone.cancel();
        std::future::ready(())
    });
}
