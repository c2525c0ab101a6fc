use super::{Connection, Playback};
use crate::Error;
use crate::port::Signals;

impl Playback {
    /// The connection has ended. If it was the last one of its device, the others hear of it.
    pub async fn disconnect(&self, connection: Connection, signals: Signals) -> Result<(), Error> {
        drop(signals);
        let Some(device) = &connection.device else {
            return Ok(());
        };
        let account = connection.subscriber.account;
        let _turn = self.turns.take(account).await;
        if self.ended.includes_account(account) {
            return Ok(());
        }
        if self.is_elsewhere(&connection, &device.id).await? {
            return Ok(());
        }
        let now = self.context.now();
        self.store.put_device(account, device, now).await?;
        self.announce(&connection, device, false, now).await;
        if let Some(state) = self.store.load(account).await? {
            let online = self.hub.online(account).await?;
            let online: Vec<_> = online.into_iter().filter_map(|other| other.device).collect();
            self.look_after(account, &state, &online);
        }
        Ok(())
    }
}
