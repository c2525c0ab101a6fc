use jiff::Timestamp;

use super::{Connection, Playback};
use crate::Error;
use crate::model::Device;
use crate::port::Signals;

impl Playback {
    /// The connection has ended. If it was the last one of its device, the others hear of it.
    pub async fn disconnect(&self, connection: Connection, signals: Signals) -> Result<(), Error> {
        drop(signals);
        let account = connection.subscriber.account;
        let _turn = self.turns.take(account).await;
        if self.ended.includes_account(account) {
            return Ok(());
        }
        let now = self.context.now();
        if let Some(device) = &connection.device
            && !self.device_leaves(&connection, device, now).await?
        {
            return Ok(());
        }
        let online = self.hub.online(account).await?;
        if connection.device.is_none() && !online.is_empty() {
            return Ok(());
        }
        if let Some(state) = self.store.load(account).await? {
            self.look_after_left(account, &state, &online, now);
        }
        Ok(())
    }

    /// Whether the device was there through this connection only.
    async fn device_leaves(
        &self,
        connection: &Connection,
        device: &Device,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if self.is_elsewhere(connection, &device.id).await? {
            return Ok(false);
        }
        self.store.put_device(connection.subscriber.account, device, now).await?;
        self.announce(connection, device, false, now).await;
        Ok(true)
    }
}
