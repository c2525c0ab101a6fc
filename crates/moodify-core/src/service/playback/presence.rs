use std::sync::Arc;

use jiff::Timestamp;

use super::Playback;
use crate::Error;
use crate::model::{AccountId, ConnectionId, Device, DevicePresence};
use crate::port::{Hint, Measurement};

impl Playback {
    /// The listener's devices, whether connected or not.
    pub(super) async fn devices(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<DevicePresence>, Error> {
        let online = self.hub.online(account).await?;
        let known = self.store.devices(account).await?;
        Ok(known
            .into_iter()
            .map(|known| {
                let online = online.iter().any(|other| other.device.as_ref() == Some(&known.device.id));
                let last_seen = if online { now } else { known.last_seen };
                DevicePresence { device: known.device, online, last_seen }
            })
            .collect())
    }

    /// Tells the listener's other devices that this one came or went.
    pub(super) async fn announce(
        &self,
        (account, from): (AccountId, ConnectionId),
        device: &Device,
        online: bool,
        now: Timestamp,
    ) {
        let presence = DevicePresence { device: device.clone(), online, last_seen: now };
        self.hint(account, from, Hint::Presence(Arc::new(presence))).await;
    }

    /// Tells the listener's other connections. What they are told of is safe in the store: a hint
    /// that cannot be sent costs them a little time, until they resync, and must not make the
    /// message that caused it look as if it had failed.
    pub(super) async fn hint(&self, account: AccountId, from: ConnectionId, hint: Hint) {
        if let Err(error) = self.hub.publish(account, from, &hint).await {
            self.context.record(Measurement::SyncHintLost);
            tracing::warn!(%account, %error, "a playback hint was lost");
        }
    }
}
