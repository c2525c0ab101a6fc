//! An event as a message, and what is known of its way so far.

use lapin::Acker;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, types};
use moodify_core::model::{Event, EventId, Timestamp};

use super::error::Fault;
use super::topology::DELIVERIES;

const ATTEMPTS: &str = "moodify-attempts";
const FAILURES: &str = "moodify-failures";
const SILENT: &str = "moodify-silent";
const DUE: &str = "moodify-due";
const REASON: &str = "moodify-reason";
const DIED_AT: &str = "moodify-died-at";
/// How often the broker gave it to somebody who broke off.
const BROKEN_OFF: &str = "x-delivery-count";
/// Where it has died in the broker's own hands, and when.
const DEATHS: &str = "x-death";

/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;
/// The header of a message is one frame of 128 KiB by default; nobody reads so much.
const LONGEST_REASON: usize = 16_000;

/// What is known of the way of an event to its consumer, apart from the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// How often it was received.
    pub(super) attempts: u32,
    /// How often it failed.
    pub(super) failures: u32,
    /// How often it was received since anything was heard of it.
    pub(super) silent: u32,
    /// Not before this moment.
    pub(super) due: Option<Timestamp>,
    /// Why it was given up, and when.
    pub(super) death: Option<(String, Timestamp)>,
}

impl Way {
    fn headers(&self) -> FieldTable {
        let mut headers = FieldTable::default();
        let mut number = |name: &str, value: i64| {
            headers.insert(name.into(), AMQPValue::LongLongInt(value));
        };
        for (name, count) in [(ATTEMPTS, self.attempts), (FAILURES, self.failures), (SILENT, self.silent)] {
            if count > 0 {
                number(name, count.into());
            }
        }
        if let Some(due) = self.due {
            number(DUE, due.as_microsecond());
        }
        if let Some((reason, died_at)) = &self.death {
            number(DIED_AT, died_at.as_microsecond());
            let reason: String = reason.chars().take(LONGEST_REASON).collect();
            headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
        }
        headers
    }

    /// What the headers say.
    fn of(headers: &FieldTable) -> Self {
        Self {
            attempts: count(headers, ATTEMPTS),
            failures: count(headers, FAILURES),
            silent: count(headers, SILENT),
            due: moment(headers, DUE),
            death: death(headers),
        }
    }

    /// The same with so many attempts of which nothing was heard.
    fn broken_off(self, times: u32) -> Self {
        let (attempts, silent) = (self.attempts.saturating_add(times), self.silent.saturating_add(times));
        Self { attempts, silent, ..self }
    }
}

fn number(headers: &FieldTable, name: &str) -> Option<i64> {
    match headers.inner().get(name)? {
        AMQPValue::LongLongInt(value) => Some(*value),
        AMQPValue::LongInt(value) => Some((*value).into()),
        AMQPValue::LongUInt(value) => Some((*value).into()),
        AMQPValue::ShortInt(value) => Some((*value).into()),
        AMQPValue::ShortUInt(value) => Some((*value).into()),
        AMQPValue::ShortShortInt(value) => Some((*value).into()),
        AMQPValue::ShortShortUInt(value) => Some((*value).into()),
        _ => None,
    }
}

fn count(headers: &FieldTable, name: &str) -> u32 {
    number(headers, name).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

fn moment(headers: &FieldTable, name: &str) -> Option<Timestamp> {
    Timestamp::from_microsecond(number(headers, name)?).ok()
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// Ours, or else the broker's: then nobody was there to say why.
fn death(headers: &FieldTable) -> Option<(String, Timestamp)> {
    let ours = headers.inner().get(REASON).and_then(text);
    if let (Some(reason), Some(died_at)) = (ours, moment(headers, DIED_AT)) {
        return Some((reason, died_at));
    }
    let AMQPValue::FieldArray(deaths) = headers.inner().get(DEATHS)? else { return None };
    let AMQPValue::FieldTable(newest) = deaths.as_slice().first()? else { return None };
    let reason = newest.inner().get("reason").and_then(text)?;
    // Waiting ends like that too, and is no death.
    if reason == "expired" {
        return None;
    }
    let AMQPValue::Timestamp(second) = newest.inner().get("time")? else { return None };
    let died_at = Timestamp::from_second(i64::try_from(*second).ok()?).ok()?;
    Some((format!("the broker gave it up ({reason}): no consumer lived to answer"), died_at))
}

/// What is to be published.
pub(super) struct Outgoing {
    pub(super) exchange: ShortString,
    pub(super) key: ShortString,
    /// Whether it must get into a queue.
    pub(super) mandatory: bool,
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
}

impl Outgoing {
    /// An event for everybody who asked for its kind.
    pub(super) fn event(event: &Event, exchange: ShortString, mandatory: bool) -> Result<Self, Fault> {
        let body = serde_json::to_vec(event).map_err(|error| Fault::Encode(error.into()))?;
        let kind = ShortString::from(event.payload.kind().as_str());
        let occurred_at: types::Timestamp = event.occurred_at.as_second().try_into().unwrap_or(0);
        let properties = properties(event.id, kind.clone(), &Way::default()).with_timestamp(occurred_at);
        Ok(Self { exchange, key: kind, mandatory, body, properties })
    }

    /// What was received, once more: straight into this queue.
    pub(super) fn copy(event: &Event, body: Vec<u8>, queue: ShortString, way: &Way) -> Self {
        let properties = properties(event.id, event.payload.kind().as_str().into(), way);
        Self { exchange: "".into(), key: queue, mandatory: true, body, properties }
    }

    /// Whatever this is, once more: straight into this queue.
    pub(super) fn unread(message: &Delivery, queue: ShortString, way: &Way) -> Self {
        let properties = message.properties.clone().with_headers(way.headers());
        Self { exchange: "".into(), key: queue, mandatory: true, body: message.data.clone(), properties }
    }
}

fn properties(event: EventId, kind: ShortString, way: &Way) -> BasicProperties {
    BasicProperties::default()
        .with_app_id("moodify".into())
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.to_string().into())
        .with_type(kind)
        .with_headers(way.headers())
}

/// What was received.
pub(super) struct Incoming {
    pub(super) event: Event,
    pub(super) body: Vec<u8>,
    pub(super) way: Way,
    pub(super) acker: Acker,
}

/// What is known of the way of this message, with what the broker has counted.
pub(super) fn way(message: &Delivery) -> Way {
    let headers = message.properties.headers().as_ref();
    headers.map(|headers| Way::of(headers).broken_off(count(headers, BROKEN_OFF))).unwrap_or_default()
}

/// The same of a dead letter, which the broker counts every look at.
pub(super) fn way_of_letter(message: &Delivery) -> Way {
    let Some(headers) = message.properties.headers() else { return Way::default() };
    let way = Way::of(headers);
    let by_the_broker = way.death.is_some() && !headers.contains_key(DIED_AT);
    if by_the_broker { way.broken_off(DELIVERIES) } else { way }
}

/// Whether it is about this event; as its sender says, so that nothing has to be read.
pub(super) fn is_about(message: &Delivery, event: EventId) -> bool {
    message.properties.message_id().as_ref().is_some_and(|id| id.as_str() == event.to_string())
}

/// The event of a message, if it can be read.
pub(super) fn event(message: &Delivery) -> Option<Event> {
    let event = serde_json::from_slice(&message.data).ok();
    if event.is_none() {
        // Without the parser's words, which may repeat what stands there.
        let id = message.properties.message_id().as_ref().map(ShortString::as_str).unwrap_or_default();
        tracing::error!(event = id, "a message cannot be read: was it written by a newer version?");
    }
    event
}

/// Reads a message; what cannot be read is given back.
pub(super) fn read(message: Delivery) -> Result<Incoming, Box<Delivery>> {
    match event(&message) {
        Some(event) => {
            let way = way(&message);
            Ok(Incoming { event, way, body: message.data, acker: message.acker })
        }
        None => Err(Box::new(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_survives_its_headers() {
        let moment = Timestamp::from_microsecond(1_772_368_496_123_457).unwrap();
        let way = Way {
            attempts: 7,
            failures: 3,
            silent: 2,
            due: Some(moment),
            death: Some(("550 \0 夜".to_owned(), moment)),
        };
        assert_eq!(Way::of(&way.headers()), way);
        assert_eq!(Way::of(&Way::default().headers()), Way::default());
    }

    #[test]
    fn deliveries_that_broke_off_are_attempts_too() {
        let mut headers = Way { attempts: 2, failures: 1, ..Way::default() }.headers();
        headers.insert(BROKEN_OFF.into(), AMQPValue::LongLongInt(3));
        let mut message = Delivery::mock(1, "".into(), "".into(), true, Vec::new());
        message.properties = BasicProperties::default().with_headers(headers);
        let way = way(&message);
        assert_eq!(way_of_letter(&message).attempts, 2);
        assert_eq!((way.attempts, way.failures, way.silent), (5, 1, 3));
    }
}
