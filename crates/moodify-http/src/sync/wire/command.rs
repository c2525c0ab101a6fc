//! What a device asks for.

use moodify_core::model::{
    CommandId, DeviceId, EntryId, Operation, PlayWhat, PlaybackVersion, PositionMs, QueuePosition, Rate,
    Repeat, TrackId, Volume,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Failure, parse};

/// The largest integer that every JSON implementation keeps exactly (RFC 8259, section 6).
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CommandMessage {
    pub command_id: Option<CommandId>,
    pub seq: Option<u64>,
    pub expect: Option<PlaybackVersion>,
    op: String,
    #[serde(default)]
    args: Option<Value>,
}

/// The `seq` of a command of which nothing else may be right: those after it need not wait for it.
pub(in super::super) fn seq_of(payload: &Value) -> Option<u64> {
    payload.get("seq").and_then(Value::as_u64).filter(|seq| *seq <= MAX_EXACT_INTEGER)
}

/// The same without a look at anything else.
#[derive(Deserialize)]
pub(in super::super) struct OnlySeq {
    seq: Option<u64>,
}

impl OnlySeq {
    pub(in super::super) fn seq(&self) -> Option<u64> {
        self.seq.filter(|seq| *seq <= MAX_EXACT_INTEGER)
    }
}

impl CommandMessage {
    pub(in super::super) fn parse(payload: Value) -> Result<Self, Failure> {
        let message: Self = parse(payload)?;
        if message.seq.is_some_and(|seq| seq > MAX_EXACT_INTEGER) {
            return Err(Failure::invalid("`seq` is too large."));
        }
        Ok(message)
    }

    /// What the command asks for.
    pub(in super::super) fn operation(&mut self) -> Result<Operation, Failure> {
        let args = match self.args.take() {
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(args) => args,
        };
        match self.op.as_str() {
            "play" => parse::<Play>(args)?.operation(),
            "pause" => parse(args).map(|Nothing {}| Operation::Pause),
            "seek" => parse(args).map(|Seek { position_ms }| Operation::Seek { position_ms }),
            "next" => parse(args).map(|Next { ended, entry_id: from }| Operation::Next { ended, from }),
            "previous" => parse(args).map(|Nothing {}| Operation::Previous),
            "set_queue" => parse(args).map(SetQueue::operation),
            "queue_add" => parse::<QueueAdd>(args)?.operation(),
            "queue_remove" => parse::<QueueRemove>(args)?.operation(),
            "queue_move" => {
                parse(args).map(|QueueMove { entry_id: entry, index }| Operation::QueueMove { entry, index })
            }
            "set_rate" => parse(args).map(|SetRate { rate }| Operation::SetRate { rate }),
            "set_repeat" => parse(args).map(|SetRepeat { repeat }| Operation::SetRepeat { repeat }),
            "set_shuffle" => parse(args).map(|SetShuffle { shuffle }| Operation::SetShuffle { shuffle }),
            "set_volume" => parse(args)
                .map(|SetVolume { volume, device_id: device }| Operation::SetVolume { volume, device }),
            "transfer" => parse::<Transfer>(args)?.operation(),
            _ => Err(Failure::new("unsupported_operation", "This server does not know the operation.")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Play {
    track_id: Option<TrackId>,
    entry_id: Option<EntryId>,
    position_ms: Option<PositionMs>,
}

impl Play {
    fn operation(self) -> Result<Operation, Failure> {
        let Self { track_id, entry_id, position_ms } = self;
        let what = match (track_id, entry_id) {
            (Some(_), Some(_)) => return Err(Failure::invalid("Name `track_id` or `entry_id`, not both.")),
            (track, entry) => track.map(PlayWhat::Track).or(entry.map(PlayWhat::Entry)),
        };
        Ok(Operation::Play { what, position_ms })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seek {
    position_ms: PositionMs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    #[serde(default)]
    ended: bool,
    entry_id: Option<EntryId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetQueue {
    track_ids: Vec<TrackId>,
    #[serde(default)]
    index: u32,
    #[serde(default)]
    position_ms: PositionMs,
    play: Option<bool>,
}

impl SetQueue {
    fn operation(self) -> Operation {
        let Self { track_ids: tracks, index, position_ms, play } = self;
        Operation::SetQueue { tracks, index: index as usize, position_ms, play }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueAdd {
    track_ids: Vec<TrackId>,
    #[serde(default)]
    position: Position,
}

#[derive(Default, Deserialize)]
#[serde(untagged, expecting = "`position` is \"next\", \"end\" or an index")]
enum Position {
    Index(u32),
    Word(PositionWord),
    #[default]
    Absent,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PositionWord {
    Next,
    End,
}

impl QueueAdd {
    fn operation(self) -> Result<Operation, Failure> {
        let position = match self.position {
            Position::Index(index) => QueuePosition::Index(index as usize),
            Position::Word(PositionWord::Next) => QueuePosition::Next,
            Position::Word(PositionWord::End) | Position::Absent => QueuePosition::End,
        };
        let tracks = not_empty(self.track_ids, "`track_ids` is empty.")?;
        Ok(Operation::QueueAdd { tracks, position })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueRemove {
    entry_ids: Vec<EntryId>,
}

impl QueueRemove {
    fn operation(self) -> Result<Operation, Failure> {
        Ok(Operation::QueueRemove { entries: not_empty(self.entry_ids, "`entry_ids` is empty.")? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueMove {
    entry_id: EntryId,
    index: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRate {
    rate: Rate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRepeat {
    repeat: Repeat,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetShuffle {
    shuffle: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetVolume {
    volume: Volume,
    device_id: Option<DeviceId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    device_id: Option<DeviceId>,
    #[serde(default)]
    device_ids: Vec<DeviceId>,
}

impl Transfer {
    fn operation(self) -> Result<Operation, Failure> {
        let to: Vec<_> = self.device_id.into_iter().chain(self.device_ids).collect();
        Ok(Operation::Transfer { to: not_empty(to, "Name `device_id` or `device_ids`.")? })
    }
}

fn not_empty<T>(items: Vec<T>, otherwise: &str) -> Result<Vec<T>, Failure> {
    if items.is_empty() { Err(Failure::invalid(otherwise)) } else { Ok(items) }
}
