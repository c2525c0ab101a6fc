use std::sync::Arc;

use super::change::Meeting;
use super::transition::transition;
use super::{Connection, Playback, Refusal, Turn};
use crate::Error;
use crate::model::{AppliedCommand, Cause, Command, Operation, PlaybackState};
use crate::port::Measurement;

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It took effect, now or when it was sent the first time.
    Applied {
        /// How.
        applied: AppliedCommand,
        /// The state it led to, if that holds what its sender cannot know: new entries, another
        /// order, another run through a track, other devices. When it is answered again, if that
        /// is still the present one.
        state: Option<Arc<PlaybackState>>,
    },
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
        let outcome = self.carry_out(connection, command).await;
        let code = match &outcome {
            Ok(Outcome::Applied { .. }) => "applied",
            Ok(Outcome::Refused { refusal, .. }) => refusal.code(),
            Err(_) => "failed",
        };
        self.context.record(Measurement::SyncCommand { outcome: code });
        outcome
    }

    async fn carry_out(&self, connection: &Connection, command: Turn<Command>) -> Result<Outcome, Error> {
        let (command, passed) = match command {
            Turn::Next(command) => (command, false),
            Turn::Passed(command) => (command, true),
            Turn::Gap(_) => return Ok(Outcome::refused(Refusal::SequenceGap)),
        };
        let account = connection.subscriber.account;
        let _turn = self.turns.take(account).await;
        for _ in 0..Self::MAX_TRIES {
            let now = self.context.now();
            if let Some(applied) = self.store.applied(account, &command.id, now).await? {
                let state = self.store.load(account).await?;
                let state = state.filter(|state| state.version() == applied.version).map(Arc::new);
                return Ok(Outcome::Applied { applied, state });
            }
            if passed {
                return Ok(Outcome::refused(Refusal::SequencePassed));
            }
            let state = self.state(account).await?;
            let next = match self.next(connection, &state, &command).await? {
                Ok(next) => next,
                Err(refusal) => return Ok(Outcome::Refused { refusal, state: Some(Box::new(state)) }),
            };
            let applied =
                AppliedCommand { id: command.id.clone(), version: next.version(), at_us: next.at_us };
            let from = connection.subscriber.connection;
            if let Some(next) = self.replace(account, from, &state, next, Some(&applied)).await? {
                let state = tells_news(&state, &next).then_some(next);
                return Ok(Outcome::Applied { applied, state });
            }
        }
        Err(Self::outrun())
    }

    async fn next(
        &self,
        connection: &Connection,
        state: &PlaybackState,
        command: &Command,
    ) -> Result<Result<PlaybackState, Refusal>, Error> {
        if command.expect.is_some_and(|expected| expected != state.version()) {
            return Ok(Err(Refusal::Stale));
        }
        let meeting = self.meet(connection, state, &command.operation).await?;
        let device_id = connection.subscriber.device.clone();
        let cause = Cause { command_id: command.id.clone(), device_id };
        Ok(transition(state, &command.operation, &meeting.scene(cause)))
    }

    async fn meet(
        &self,
        connection: &Connection,
        state: &PlaybackState,
        operation: &Operation,
    ) -> Result<Meeting, Error> {
        let account = connection.subscriber.account;
        let online = self.hub.online(account).await?;
        let mut meeting = self.meeting(state, &online, Some(&connection.subscriber));
        meeting.entries = self.new_entries(operation);
        if matches!(operation, Operation::SetVolume { .. }) {
            let known = self.store.devices(account).await?;
            meeting.known = known.into_iter().map(|known| known.device.id).collect();
        }
        Ok(meeting)
    }
}

/// Whether the new state holds what follows neither from the old one nor from the command.
fn tells_news(state: &PlaybackState, next: &PlaybackState) -> bool {
    next.queue_rev != state.queue_rev
        || next.play_id != state.play_id
        || next.transfer != state.transfer
        || next.active_device != state.active_device
        || next.group != state.group
}
