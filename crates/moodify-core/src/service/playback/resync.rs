use super::{Connection, Playback};
use crate::Error;
use crate::model::{PlaybackState, PlaybackVersion};

/// The answer to a device that asks whether it has missed anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Resync {
    /// It has the current state.
    Unchanged,
    /// It has not.
    Changed(Box<PlaybackState>),
}

impl Playback {
    /// Compares the device's state with the current one.
    pub async fn resync(
        &self,
        connection: &Connection,
        known: Option<PlaybackVersion>,
    ) -> Result<Resync, Error> {
        let state = self.state(connection.subscriber.account).await?;
        Ok(if known == Some(state.version()) { Resync::Unchanged } else { Resync::Changed(Box::new(state)) })
    }
}
