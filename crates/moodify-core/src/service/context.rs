//! Time and chance, as services use them, and who watches.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::memory::Silent;
use crate::model::id::uuid_v7;
use crate::model::{Event, EventId, EventPayload};
use crate::port::{Clock, Measurement, Meter, Rng, Tracer};

/// The clock and the dice, handed to every service, with the meter and the tracer.
#[derive(Clone)]
pub struct Context {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Who counts.
    pub meter: Arc<dyn Meter>,
    /// Who traces.
    pub tracer: Arc<dyn Tracer>,
}

impl Context {
    /// This time and this chance, with nobody watching.
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { clock, rng, meter: Arc::new(Silent), tracer: Arc::new(Silent) }
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier of any kind.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        uuid_v7(self.now(), &self.random()).into()
    }

    /// This many random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill(&mut bytes);
        bytes
    }

    /// An event of this moment. It remembers which trace it belongs to.
    pub fn event(&self, payload: EventPayload) -> Event {
        self.event_with_id(self.new_id(), payload)
    }

    /// The same with an id that follows from something else, so that there is one whoever makes it.
    pub fn event_with_id(&self, id: EventId, payload: EventPayload) -> Event {
        Event::new(id, self.now(), self.tracer.current(), payload)
    }

    /// Tells the meter.
    pub fn record(&self, measurement: Measurement<'_>) {
        self.meter.record(measurement);
    }
}
