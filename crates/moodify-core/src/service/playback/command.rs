use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::transition::{Scene, transition};
use super::{Connection, Playback, Refusal, Turn};
use crate::Error;
use crate::model::{AppliedCommand, Cause, Command, Operation, PlaybackState, later};
use crate::port::{Hint, PlaybackStoreError};

/// How often a command is tried again when another node was faster. A listener's devices rarely
/// meet on two nodes at all.
const MAX_TRIES: usize = 8;

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It took effect, now or when it was sent the first time.
    Applied(AppliedCommand),
    /// It changed nothing.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The state it met, where that is the reason.
        state: Option<Box<PlaybackState>>,
    },
}

impl Outcome {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, state: None }
    }
}

impl Playback {
    /// Carries out a command whose turn has come, and tells the listener's other connections.
    ///
    /// The commands of one listener are applied one at a time. A command that was applied within
    /// the last ten minutes is answered as it was then, not applied again.
    ///
    /// # Errors
    /// [`Error::Busy`] when other nodes kept changing the state; nothing has changed.
    pub async fn command(&self, connection: &Connection, command: Turn<Command>) -> Result<Outcome, Error> {
        let (command, passed) = match command {
            Turn::Next(command) => (command, false),
            Turn::Passed(command) => (command, true),
            Turn::Gap(_) => return Ok(Outcome::refused(Refusal::SequenceGap)),
        };
        let account = connection.subscriber.account;
        let _turn = self.turns.take(account).await;
        for _ in 0..MAX_TRIES {
            let now = self.context.now();
            if let Some(applied) = self.store.applied(account, &command.id, now).await? {
                return Ok(Outcome::Applied(applied));
            }
            if passed {
                return Ok(Outcome::refused(Refusal::SequencePassed));
            }
            let state = self.state(account).await?;
            let next = match self.next(connection, &state, &command, now).await? {
                Ok(next) => next,
                Err(refusal) => return Ok(Outcome::Refused { refusal, state: Some(Box::new(state)) }),
            };
            let applied =
                AppliedCommand { id: command.id.clone(), version: next.version(), at_us: next.at_us };
            match self.store.replace(account, state.version(), &next, &applied, now).await {
                Ok(()) => {
                    self.hint(connection, Hint::State(Arc::new(next))).await;
                    return Ok(Outcome::Applied(applied));
                }
                Err(PlaybackStoreError::Conflict) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(Error::Busy { retry_after: Duration::from_millis(100) })
    }

    async fn next(
        &self,
        connection: &Connection,
        state: &PlaybackState,
        command: &Command,
        now: Timestamp,
    ) -> Result<Result<PlaybackState, Refusal>, Error> {
        if command.expect.is_some_and(|expected| expected != state.version()) {
            return Ok(Err(Refusal::Stale));
        }
        let device_id = connection.subscriber.device.clone();
        let scene = Scene {
            now,
            start_at: self.start_at(now),
            cause: Cause { command_id: command.id.clone(), device_id },
            active_is_online: self.active_is_online(connection, state, command.operation).await?,
            new_entry: self.context.new_id(),
        };
        Ok(transition(state, command.operation, &scene))
    }

    fn start_at(&self, now: Timestamp) -> Timestamp {
        later(now, self.config.start_lead)
    }

    async fn active_is_online(
        &self,
        connection: &Connection,
        state: &PlaybackState,
        operation: Operation,
    ) -> Result<bool, Error> {
        match (&state.active_device, operation) {
            (Some(active), Operation::Play { .. }) => {
                let online = self.hub.online(connection.subscriber.account).await?;
                Ok(online.iter().any(|other| other.device.as_ref() == Some(active)))
            }
            (active, _) => Ok(active.is_some()),
        }
    }
}
