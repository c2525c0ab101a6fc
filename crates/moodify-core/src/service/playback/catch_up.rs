use super::{Connection, Playback};
use crate::model::{DevicePresence, PlaybackState};
use crate::port::Ended;
use crate::{AuthFailure, Error};

/// All that a device may have missed.
#[derive(Clone, Debug, PartialEq)]
pub struct CatchUp {
    /// What plays.
    pub state: PlaybackState,
    /// The listener's other devices.
    pub devices: Vec<DevicePresence>,
}

impl Playback {
    /// What a connection has to be told after [`Signal::Missed`](crate::port::Signal::Missed).
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when its session or account has ended in the meantime.
    pub async fn catch_up(&self, connection: &Connection) -> Result<CatchUp, Error> {
        let me = &connection.subscriber;
        let who = [Ended::Account(me.account), Ended::Session(me.session)];
        if self.is_any_ended(&who).await? {
            return Err(AuthFailure::InvalidToken.into());
        }
        let state = self.state(me.account).await?;
        let mut devices = self.devices(me.account, self.context.now()).await?;
        let online: Vec<_> =
            devices.iter().filter(|known| known.online).map(|known| known.device.id.clone()).collect();
        self.look_after(me.account, &state, &online);
        devices.retain(|known| me.device.as_ref() != Some(&known.device.id));
        Ok(CatchUp { state, devices })
    }
}
