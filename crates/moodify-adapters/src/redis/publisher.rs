//! What this process publishes, in its order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use moodify_core::port::Measurement;
use tokio::sync::{mpsc, oneshot};

use super::error::Fault;
use super::server::Base;
use super::session::Session;

/// How many bytes wait for a slow server before hints are dropped. A state with a long queue is some 200 KB.
const MOST_BYTES: usize = 32 << 20;

/// How many go in one step.
const BATCH: usize = 64;

/// A message for a listener's connections at other processes.
pub(super) struct Outgoing {
    pub(super) channel: String,
    pub(super) message: Vec<u8>,
    /// Who waits for it to be out.
    pub(super) done: Option<oneshot::Sender<Result<(), Fault>>>,
}

/// Where they wait, in the order they came.
pub(super) struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    bytes: Arc<AtomicUsize>,
}

/// What takes them from there.
pub(super) struct Publisher {
    base: Arc<Base>,
    queue: mpsc::UnboundedReceiver<Outgoing>,
    bytes: Arc<AtomicUsize>,
}

/// Both ends.
pub(super) fn publisher(base: &Arc<Base>) -> (Outbox, Publisher) {
    let (sender, queue) = mpsc::unbounded_channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outbox { queue: sender, bytes: bytes.clone() }, Publisher { base: base.clone(), queue, bytes })
}

impl Outbox {
    /// Puts it behind the others, if there is room.
    pub(super) fn put(&self, outgoing: Outgoing) -> Result<(), Fault> {
        let bytes = outgoing.message.len();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) > MOST_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Fault::Full);
        }
        self.queue.send(outgoing).map_err(|_| Fault::Lost)
    }
}

impl Publisher {
    /// Publishes what comes. Nothing waits for a server that is away: what is old by then helps nobody.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            let sent = match self.base.link.session() {
                Ok(session) => publish(&session, &batch).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = &sent {
                let hints = batch.iter().filter(|message| message.done.is_none()).count();
                (0..hints).for_each(|_| self.base.context.record(Measurement::SyncHintLost));
                tracing::warn!(%fault, hints, "playback hints for other processes were lost");
            }
            for Outgoing { message, done, .. } in batch.drain(..) {
                self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
                // Whoever has given up waiting does not need it.
                let _ = done.map(|done| done.send(sent.clone()));
            }
        }
    }
}

async fn publish(session: &Session, batch: &[Outgoing]) -> Result<(), Fault> {
    let mut commands = redis::pipe();
    for Outgoing { channel, message, .. } in batch {
        commands.cmd("PUBLISH").arg(channel).arg(message.as_slice()).ignore();
    }
    session.ask_all("publish hints", &commands).await
}
