//! What this process publishes, in its order.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use moodify_core::model::AccountId;
use moodify_core::port::Measurement;
use moodify_core::service::Context;
use tokio::sync::{mpsc, oneshot};

use super::HubFault;

/// How many bytes wait for a slow server before hints are dropped. A state with a long queue is some 200 KB.
const MOST_BYTES: usize = 32 << 20;

/// How many go in one step.
const BATCH: usize = 64;

/// A message for a listener's connections at other processes.
pub(crate) struct Outgoing<F> {
    pub(crate) account: AccountId,
    pub(crate) message: Vec<u8>,
    /// Who waits for it to be out.
    pub(crate) done: Option<oneshot::Sender<Result<(), F>>>,
}

/// What takes messages to the other processes.
#[async_trait]
pub(crate) trait Carrier: Send + Sync {
    type Fault: HubFault;

    fn context(&self) -> &Context;

    /// Takes all of them, in this order, or says that some may be lost.
    async fn publish(&self, batch: &[Outgoing<Self::Fault>]) -> Result<(), Self::Fault>;
}

/// Where they wait, in the order they came.
pub(crate) struct Outbox<F> {
    queue: mpsc::UnboundedSender<Outgoing<F>>,
    bytes: Arc<AtomicUsize>,
}

/// What takes them from there.
pub(crate) struct Publisher<F> {
    queue: mpsc::UnboundedReceiver<Outgoing<F>>,
    bytes: Arc<AtomicUsize>,
}

/// Both ends.
pub(crate) fn publisher<F>() -> (Outbox<F>, Publisher<F>) {
    let (sender, queue) = mpsc::unbounded_channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outbox { queue: sender, bytes: bytes.clone() }, Publisher { queue, bytes })
}

impl<F: HubFault> Outbox<F> {
    /// Puts it behind the others, if there is room.
    pub(crate) fn put(&self, outgoing: Outgoing<F>) -> Result<(), F> {
        let bytes = outgoing.message.len();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) > MOST_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(F::full());
        }
        self.queue.send(outgoing).map_err(|_| F::lost())
    }
}

impl<F: HubFault> Publisher<F> {
    /// Publishes what comes. Nothing waits for a server that is away: what is old by then helps nobody.
    pub(crate) async fn run(mut self, carrier: Arc<dyn Carrier<Fault = F>>) {
        let (mut batch, mut is_told) = (Vec::with_capacity(BATCH), false);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            let sent = carrier.publish(&batch).await;
            if let Err(fault) = &sent {
                let hints = batch.iter().filter(|message| message.done.is_none()).count();
                (0..hints).for_each(|_| carrier.context().record(Measurement::SyncHintLost));
                // Once for each time that they are cut off; the metric counts.
                if !mem::replace(&mut is_told, true) {
                    tracing::warn!(%fault, hints, "playback hints for other processes were lost");
                }
            } else {
                is_told = false;
            }
            for Outgoing { message, done, .. } in batch.drain(..) {
                self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
                // Whoever has given up waiting does not need it.
                let _ = done.map(|done| done.send(sent.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::hub::plain_fault::Fault;

    fn outgoing(bytes: usize) -> Outgoing<Fault> {
        Outgoing { account: Uuid::from_u128(1).into(), message: vec![0; bytes], done: None }
    }

    #[test]
    fn what_waits_has_a_bound_and_room_comes_back() {
        let (outbox, mut publisher) = publisher::<Fault>();
        while outbox.put(outgoing(MOST_BYTES / 4)).is_ok() {}
        assert_eq!(outbox.put(outgoing(1)), Err(Fault("full")));
        while let Ok(taken) = publisher.queue.try_recv() {
            publisher.bytes.fetch_sub(taken.message.len(), Ordering::Relaxed);
        }
        assert_eq!(outbox.put(outgoing(1)), Ok(()));
        drop(publisher);
        assert_eq!(outbox.put(outgoing(1)), Err(Fault("lost")));
    }
}
