use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{model::later, port::Clock};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's one real source of time")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the port's one real source of time")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FixedClock {
    now: watch::Sender<Timestamp>,
    // Serialises `advance`, so that two of them add up.
    advancing: Mutex<()>,
}

impl FixedClock {
    /// A clock that shows this moment.
    pub fn new(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), advancing: Mutex::new(()) }
    }

    /// Moves the clock forward and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        let _guard = self.advancing.lock();
        let moved = later(*self.now.borrow(), duration);
        self.now.send_replace(moved);
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }
}

impl Default for FixedClock {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let until = later(self.now(), duration);
        let mut changes = self.now.subscribe();
        // The sender lives as long as `self`: waiting cannot fail.
        let _ = changes.wait_for(|now| *now >= until).await;
    }
}
