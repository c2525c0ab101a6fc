use jiff::Timestamp;

use super::{Connection, Playback, Refusal};
use crate::model::{AccountId, Device, DeviceId, DevicePresence, PlaybackState};
use crate::{AuthFailure, Error};

/// The answer to a device that introduces itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    /// What plays.
    pub state: PlaybackState,
    /// All devices of the listener, this one included.
    pub devices: Vec<DevicePresence>,
    /// The server's time.
    pub now: Timestamp,
    /// When the connection's token expires.
    pub session_expires_at: Timestamp,
}

impl Playback {
    /// The connection says which device it is. Saying it again renews name, kind and capabilities.
    ///
    /// # Errors
    /// Inside: [`Refusal::OtherDevice`] when the connection was introduced under another id;
    /// [`Refusal::TooManyDevices`] when as many as allowed are connected. Where only too many are
    /// remembered, the one that has been away longest is forgotten.
    pub async fn hello(
        &self,
        connection: &mut Connection,
        device: Device,
    ) -> Result<Result<Welcome, Refusal>, Error> {
        if connection.device.as_ref().is_some_and(|known| known.id != device.id) {
            return Ok(Err(Refusal::OtherDevice));
        }
        let account = connection.subscriber.account;
        let _turn = self.turns.take(account).await;
        if self.ended.includes_account(account) {
            return Err(AuthFailure::InvalidToken.into());
        }
        let now = self.context.now();
        let known = self.devices(account, now).await?;
        // On another socket, or this one said so before: the others know.
        let is_news = !known.iter().any(|known| known.online && known.device == device);
        if !self.make_room(account, known, &device.id).await? {
            return Ok(Err(Refusal::TooManyDevices));
        }
        self.store.put_device(account, &device, now).await?;
        connection.subscriber.device = Some(device.id.clone());
        self.hub.update(&connection.subscriber).await?;
        if is_news {
            self.announce((account, connection.subscriber.connection), &device, true, now).await;
        }
        connection.device = Some(device);
        let (state, devices) = (self.state(account).await?, self.devices(account, now).await?);
        let online: Vec<_> =
            devices.iter().filter(|known| known.online).map(|known| known.device.id.clone()).collect();
        self.look_after(account, &state, &online);
        Ok(Ok(Welcome { state, devices, now: self.context.now(), session_expires_at: connection.expires_at }))
    }

    async fn make_room(
        &self,
        account: AccountId,
        mut devices: Vec<DevicePresence>,
        newcomer: &DeviceId,
    ) -> Result<bool, Error> {
        if devices.iter().any(|known| known.device.id == *newcomer) {
            return Ok(true);
        }
        devices.sort_by_key(|known| (known.online, known.last_seen));
        let excess = (devices.len() + 1).saturating_sub(self.config.max_devices);
        let (forgotten, _) = devices.split_at(excess.min(devices.len()));
        if excess > devices.len() || forgotten.iter().any(|known| known.online) {
            return Ok(false);
        }
        for known in forgotten {
            self.store.remove_device(account, &known.device.id).await?;
        }
        Ok(true)
    }
}
