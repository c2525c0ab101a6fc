use std::time::Duration;

use super::{Connection, Playback};
use crate::Error;

/// Changes that are smaller than this, and than a quarter, are not worth telling.
const NOTABLE: Duration = Duration::from_millis(10);

impl Playback {
    /// How long a message takes to the device and back, as the device has measured it.
    pub async fn round_trip(&self, connection: &mut Connection, measured: Duration) -> Result<(), Error> {
        // What is longer makes no difference to when a start is scheduled.
        let measured = measured.min(self.config.max_start_lead);
        let known = connection.subscriber.round_trip;
        if measured.abs_diff(known) < NOTABLE.max(known / 4) {
            return Ok(());
        }
        connection.subscriber.round_trip = measured;
        Ok(self.hub.update(&connection.subscriber).await?)
    }
}
