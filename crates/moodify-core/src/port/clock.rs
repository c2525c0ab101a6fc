use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The only source of time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// This moment, in whole microseconds (what every store can hold).
    fn now(&self) -> Timestamp;

    /// Returns when this much time has passed on this clock.
    async fn sleep(&self, duration: Duration);
}
