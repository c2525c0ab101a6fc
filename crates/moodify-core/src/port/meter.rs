use std::time::Duration;

/// Counts and times what happens, for those who run Moodify.
///
/// Called in the middle of the work: it returns at once, takes no lock for long, and never fails.
/// Every text that a measurement carries is one of few: a meter may keep a series for each.
pub trait Meter: Send + Sync {
    /// Takes one measurement.
    fn record(&self, measurement: Measurement<'_>);
}

/// Something that was counted or timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measurement<'a> {
    /// An HTTP request was answered.
    Request {
        /// `GET`, `POST`, …; `OTHER` for what HTTP does not define.
        method: &'a str,
        /// The pattern of the route, such as `/v1/tracks/{id}`; empty when none matched.
        route: &'a str,
        /// The status.
        status: u16,
        /// From the head of the request to the head of its answer.
        elapsed: Duration,
    },
    /// An upload became a track.
    UploadStored {
        /// Size of its audio.
        bytes: u64,
    },
    /// An upload did not.
    UploadRefused {
        /// Why, as a stable code.
        reason: &'static str,
    },
    /// Events went from the outbox to the queue.
    Published {
        /// How many.
        events: usize,
    },
    /// Somebody was done with an event, for now or for good.
    Delivered {
        /// Whose delivery it was.
        consumer: &'static str,
        /// How it went.
        outcome: DeliveryOutcome,
        /// How long ago the event happened.
        age: Duration,
    },
    /// A mail waits, and this counts as no failure of its delivery.
    MailHeld {
        /// `pace`, our own limit; `server`, that of the mail server.
        by: &'static str,
    },
    /// A mail server had a whole mail and did not answer.
    MailUnanswered,
    /// A device sent a command.
    SyncCommand {
        /// `applied`, the code that it was refused with, or `failed`.
        outcome: &'static str,
    },
    /// What changed in playback was to be written from memory to the database.
    PlaybackSaved {
        /// Whether it was. If not, it is tried again, and a crash in the meantime loses it.
        ok: bool,
    },
    /// The way on which a listener's devices hear of each other across processes was interrupted, and is
    /// there again: all devices of this process are brought up to date.
    SyncInterrupted,
    /// News for a listener's devices at other processes did not get out: they find out by themselves.
    SyncHintLost,
    /// A device told what it really plays.
    SyncSkew {
        /// How far that is from where the state says it should be.
        skew: Duration,
    },
}

/// How handling an event went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryOutcome {
    /// It is done.
    Handled,
    /// Not now: it comes again.
    Retried,
    /// Never: it is a dead letter.
    DeadLettered,
}

impl DeliveryOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Handled, Self::Retried, Self::DeadLettered];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Retried => "retried",
            Self::DeadLettered => "dead_lettered",
        }
    }
}
