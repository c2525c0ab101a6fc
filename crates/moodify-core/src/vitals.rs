//! What whoever runs Moodify wants to know of it from time to time.

use crate::Error;
use crate::moodify::{Inner, Moodify, Services};
use crate::port::{Backlog, Depth};

/// How the services of a process are, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// What waits to be published; `None` where no relay runs.
    pub outbox: Option<Backlog>,
    /// What is kept for each consumer that runs here.
    pub consumers: Vec<(&'static str, Depth)>,
}

impl Moodify {
    /// How these services are. A few small reads; changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if outbox or queue fail.
    pub async fn vitals(&self, services: Services) -> Result<Vitals, Error> {
        let Inner { outbox, queue, .. } = &*self.inner;
        let mut vitals = Vitals::default();
        if services.auth || services.music {
            vitals.outbox = Some(outbox.backlog().await?);
        }
        for handler in self.handlers(services) {
            let name = handler.consumer().name;
            vitals.consumers.push((name, queue.depth(name).await?));
        }
        Ok(vitals)
    }
}
