//! Uploads in several parts that nobody completes any more: their parts go with them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future;
use moodify_core::port::{Clock, MediaError, Unavailable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Parts of one body that are under way at once.
pub(crate) const AT_ONCE: u8 = 2;

/// Waits before another try to abort what could not be aborted. Together longer than a store restarts.
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

/// An upload that was begun, as its store knows it.
#[async_trait]
pub(crate) trait Abort: Send + 'static {
    /// What the log calls it.
    fn name(&self) -> String;

    /// How long a part may be under way, with all its tries.
    fn longest_part(&self) -> Duration;

    /// Asks the store to forget it. One that is gone, or complete, is no error: the answer to its completion
    /// may have been lost.
    async fn abort(&mut self) -> Result<(), MediaError>;
}

/// The parts of one upload that are under way.
#[derive(Clone)]
pub(crate) struct Flying(Arc<Semaphore>);

impl Flying {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE.into())))
    }

    /// Sends a part, which takes this room meanwhile, in a task of its own: a part that is torn off half-way
    /// may be stored after the upload was aborted.
    pub(crate) async fn send<T: Send + 'static>(
        &self,
        sending: impl Future<Output = T> + Send + 'static,
        room: OwnedSemaphorePermit,
    ) -> Result<T, Unavailable> {
        let flies = self.0.clone().acquire_owned().await.map_err(Unavailable::lasting)?;
        let sending = tokio::spawn(async move {
            let sent = sending.await;
            drop((room, flies));
            sent
        });
        sending.await.map_err(Unavailable::lasting)
    }
}

/// Aborts an upload in a task of its own: whoever drops one cannot wait.
pub(crate) fn give_up(upload: impl Abort, flying: Flying, clock: Arc<dyn Clock>) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(abort(upload, flying, clock))),
        Err(_) => tracing::warn!(upload = %upload.name(), "an unfinished upload stays: the program ends"),
    }
}

/// After the last part has landed: the stores promise nothing of those that are under way meanwhile.
async fn abort(mut upload: impl Abort, flying: Flying, clock: Arc<dyn Clock>) {
    let (name, longest) = (upload.name(), upload.longest_part());
    let landed = pin!(flying.0.acquire_many(AT_ONCE.into()));
    future::select(landed, clock.sleep(longest)).await;
    for wait in WAITS.map(Some).into_iter().chain([None]) {
        let Err(error) = upload.abort().await else { return };
        match wait {
            Some(wait) => {
                tracing::warn!(%error, upload = %name, "an unfinished upload is still in the store; tried again in {wait:?}");
                clock.sleep(wait).await;
            }
            None => tracing::error!(%error, upload = %name, "an unfinished upload stays in the store"),
        }
    }
}

#[cfg(test)]
mod tests {
    use moodify_core::memory::FixedClock;
    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(90);

    /// Tells when it is to be aborted, and refuses the first time.
    struct Refusing {
        asked: mpsc::UnboundedSender<()>,
        refused: bool,
    }

    #[async_trait]
    impl Abort for Refusing {
        fn name(&self) -> String {
            "audio/x.mp3".to_owned()
        }

        fn longest_part(&self) -> Duration {
            LONGEST
        }

        async fn abort(&mut self) -> Result<(), MediaError> {
            self.asked.send(()).unwrap();
            if self.refused {
                return Ok(());
            }
            self.refused = true;
            Err(Unavailable::passing("not now").into())
        }
    }

    /// What is told of an upload that is given up with one part under way.
    fn given_up() -> (mpsc::UnboundedReceiver<()>, OwnedSemaphorePermit, Arc<FixedClock>) {
        let (asked, told) = mpsc::unbounded_channel();
        let (flying, clock) = (Flying::new(), Arc::new(FixedClock::default()));
        let part = flying.0.clone().try_acquire_owned().unwrap();
        give_up(Refusing { asked, refused: false }, flying, clock.clone());
        (told, part, clock)
    }

    #[tokio::test]
    async fn parts_land_first_and_a_refusal_is_not_the_end() {
        let (mut told, part, clock) = given_up();
        yield_now().await;
        assert!(told.try_recv().is_err(), "a part is under way");
        drop(part);
        told.recv().await.unwrap();
        clock.advance(WAITS[0]);
        told.recv().await.unwrap();
        assert_eq!(told.recv().await, None, "it is gone");
    }

    #[tokio::test]
    async fn a_part_that_never_lands_is_waited_for_as_long_as_one_may_take() {
        let (mut told, _part, clock) = given_up();
        yield_now().await;
        clock.advance(LONGEST - Duration::from_secs(1));
        yield_now().await;
        assert!(told.try_recv().is_err(), "it may still land");
        clock.advance(Duration::from_secs(1));
        told.recv().await.unwrap();
    }
}
