use super::{Connection, Playback};
use crate::Error;
use crate::model::Device;
use crate::port::{Signals, Subscriber};

impl Playback {
    /// The connection has ended. If it was the last one of its device, the others hear of it.
    pub async fn disconnect(&self, connection: Connection, signals: Signals) -> Result<(), Error> {
        drop(signals);
        self.left(&connection.subscriber, connection.device.as_ref()).await
    }

    /// The same for a connection whose process died.
    pub(super) async fn deserted(&self, gone: &Subscriber) -> Result<(), Error> {
        let known = match &gone.device {
            Some(_) => self.store.devices(gone.account).await?,
            None => Vec::new(),
        };
        let device = known.into_iter().find(|known| Some(&known.device.id) == gone.device.as_ref());
        // A device that is forgotten in the meantime needs no farewell.
        if device.is_none() && gone.device.is_some() {
            return Ok(());
        }
        self.left(gone, device.map(|known| known.device).as_ref()).await
    }

    async fn left(&self, gone: &Subscriber, device: Option<&Device>) -> Result<(), Error> {
        let account = gone.account;
        let _turn = self.turns.take(account).await;
        if self.ended.includes_account(account) {
            return Ok(());
        }
        let now = self.context.now();
        let online = self.hub.online(account).await?;
        // Its process was slow, not dead: it has joined again.
        if online.iter().any(|other| other.connection == gone.connection) {
            return Ok(());
        }
        if let Some(device) = device {
            if online.iter().any(|other| other.device.as_ref() == Some(&device.id)) {
                return Ok(());
            }
            self.store.put_device(account, device, now).await?;
            self.announce((account, gone.connection), device, false, now).await;
        } else if !online.is_empty() {
            return Ok(());
        }
        if let Some(state) = self.store.load(account).await? {
            self.look_after_left(account, &state, &online, now);
        }
        Ok(())
    }
}
