use std::time::Duration;

use jiff::Timestamp;

use super::{Place, Playback, Refusal};
use crate::model::{Caller, Device};
use crate::port::{Signals, Subscriber};
use crate::{AuthFailure, Error};

/// One socket of one listener.
///
/// It belongs to the task that serves the socket; [`Playback::disconnect`] takes it back.
#[derive(Debug)]
pub struct Connection {
    pub(super) subscriber: Subscriber,
    pub(super) device: Option<Device>,
    pub(super) expires_at: Timestamp,
    pub(super) place: Place,
}

impl Connection {
    /// Until when the connection is good: then its token expires.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Its place among the listener's connections. Whoever keeps a copy keeps the place taken.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What the hub knows of it.
    pub fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }
}

impl Playback {
    /// Opens a connection. It hears of its listener from now on, and need not say which device it
    /// is to send commands.
    ///
    /// # Errors
    /// [`Refusal::TooManyDevices`] inside when the listener has twice as many connections as
    /// devices are allowed: a device that lost its line may leave one behind for a while.
    /// [`Error::Unauthenticated`] when the caller's token has expired, or the session or account has ended.
    pub async fn connect(&self, caller: &Caller) -> Result<Result<(Connection, Signals), Refusal>, Error> {
        self.in_time(caller)?;
        let most = self.config.max_devices.saturating_mul(2);
        let now = self.context.now();
        let Some(place) = self.places.take(caller.account_id, most, &self.config, now) else {
            return Ok(Err(Refusal::TooManyDevices));
        };
        let subscriber = Subscriber {
            connection: self.context.new_id(),
            account: caller.account_id,
            session: caller.session_id,
            device: None,
            round_trip: Duration::ZERO,
        };
        let signals = self.hub.subscribe(&subscriber).await?;
        // Counted once it has joined: of those that come at once on several nodes too many may be
        // turned away, but none too many gets in.
        if self.hub.online(caller.account_id).await?.len() > most {
            return Ok(Err(Refusal::TooManyDevices));
        }
        // After joining: what ends from now on reaches the connection.
        if self.has_ended(caller).await? {
            return Err(AuthFailure::InvalidToken.into());
        }
        let connection = Connection { subscriber, device: None, expires_at: caller.expires_at, place };
        Ok(Ok((connection, signals)))
    }
    /// A token is read with some leeway for the clocks of others. A connection lives as long as its
    /// token to the microsecond: one that would be closed at once is not opened.
    pub(super) fn in_time(&self, caller: &Caller) -> Result<(), AuthFailure> {
        if caller.expires_at <= self.context.now() { Err(AuthFailure::ExpiredToken) } else { Ok(()) }
    }
}
