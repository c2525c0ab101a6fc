//! What this process publishes, in its order.

use std::sync::Arc;

use moodify_core::port::Measurement;
use tokio::sync::{mpsc, oneshot};

use super::error::Fault;
use super::server::Base;
use super::session::Session;

/// How many messages wait for a slow server before hints are dropped. A state with a long queue is some
/// 200 KB.
const WAITING: usize = 256;

/// How many go in one step.
const BATCH: usize = 64;

/// A message for a listener's connections at other processes.
pub(super) struct Outgoing {
    pub(super) channel: String,
    pub(super) message: Vec<u8>,
    /// Who waits for it to be out.
    pub(super) done: Option<oneshot::Sender<Result<(), Fault>>>,
}

/// Where they wait.
pub(super) fn queue() -> (mpsc::Sender<Outgoing>, mpsc::Receiver<Outgoing>) {
    mpsc::channel(WAITING)
}

/// Publishes what comes. Nothing waits for a server that is away: what is old by then helps nobody.
pub(super) async fn run(base: Arc<Base>, mut queue: mpsc::Receiver<Outgoing>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let sent = match base.link.session() {
            Ok(session) => publish(&session, &batch).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &sent {
            let hints = batch.iter().filter(|message| message.done.is_none()).count();
            (0..hints).for_each(|_| base.context.record(Measurement::SyncHintLost));
            tracing::warn!(%fault, hints, "playback hints for other processes were lost");
        }
        for Outgoing { done, .. } in batch.drain(..) {
            // Whoever has given up waiting does not need it.
            let _ = done.map(|done| done.send(sent.clone()));
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
