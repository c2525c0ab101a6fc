//! Time and chance, as services use them.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::model::id::uuid_v7;
use crate::port::{Clock, Rng};

/// The clock and the dice, handed to every service.
#[derive(Clone)]
pub struct Context {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
}

impl Context {
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
}
