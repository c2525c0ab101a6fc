use std::sync::Arc;

use super::transition::ready;
use super::{Connection, Playback, Refusal};
use crate::Error;
use crate::model::{Cause, CommandId, PlaybackState};

impl Playback {
    /// The connection's device can take the sound over. Returns the state that follows: once all
    /// devices of the transfer are ready, they make the sound.
    ///
    /// # Errors
    /// Inside: [`Refusal::NoTransfer`] when nobody waits for this device, or not (any more) because
    /// of this command.
    pub async fn ready(
        &self,
        connection: &Connection,
        command: Option<&CommandId>,
    ) -> Result<Result<Arc<PlaybackState>, Refusal>, Error> {
        let me = &connection.subscriber;
        let Some(device) = &me.device else { return Ok(Err(Refusal::NoTransfer)) };
        let _turn = self.turns.take(me.account).await;
        for _ in 0..Self::MAX_TRIES {
            let state = self.state(me.account).await?;
            let Some(transfer) = &state.transfer else { return Ok(Err(Refusal::NoTransfer)) };
            let cause = Cause { command_id: transfer.command_id.clone(), device_id: Some(device.clone()) };
            let online = self.hub.online(me.account).await?;
            let meeting = self.meeting(&state, &online, Some(me));
            let next = match ready(&state, device, command, &meeting.scene(cause)) {
                Ok(next) => next,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Some(next) = self.replace(me.account, me.connection, &state, next, None).await? {
                return Ok(Ok(next));
            }
        }
        Err(Self::outrun())
    }
}
