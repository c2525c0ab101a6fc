//! How fast events go into a queue on RabbitMQ and out of it: `queue_speed amqp://127.0.0.1 10000`.
//! Run it under `time`: both sides are in this process.
#![allow(clippy::print_stdout, reason = "its purpose")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_core::memory::{SystemClock, SystemRng};
use moodify_core::model::event::SessionRevoked;
use moodify_core::model::{Event, EventId, EventKind, EventPayload};
use moodify_core::port::{Consumer, Queue};
use moodify_core::service::Context;
use moodify_core::service::delivery::{HandleError, Handler, Worker};
use tokio_util::sync::CancellationToken;

/// As many as the relay publishes at once.
const BATCH: usize = 100;

struct Counts {
    left: AtomicUsize,
    done: CancellationToken,
}

#[async_trait]
impl Handler for Counts {
    fn consumer(&self) -> Consumer {
        Consumer { name: "speed", kinds: vec![EventKind::SessionRevoked] }
    }

    async fn handle(&self, _: &Event) -> Result<(), HandleError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.cancel();
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "amqp://127.0.0.1".to_owned());
    let events: usize = arguments.next().unwrap_or_else(|| "10000".to_owned()).parse()?;
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    let mut config = RabbitConfig::from_url(&url.into())?;
    config.prefix = "speed".to_owned();
    let queue = Arc::new(RabbitQueue::connect(config, Arc::new(SystemClock)).await?);
    let handler = Arc::new(Counts { left: events.into(), done: CancellationToken::new() });
    queue.declare(&handler.consumer()).await?;

    let begun = context.now();
    for batch in 0..events.div_ceil(BATCH) {
        let count = BATCH.min(events - batch * BATCH);
        let batch: Vec<_> = (0..count).map(|_| event(&context)).collect();
        queue.publish_all(&batch, context.now()).await?;
    }
    told("published", events, context.now().duration_since(begun).as_secs_f64());

    let begun = context.now();
    Worker::new(queue.clone(), handler.clone(), context.clone()).run(&handler.done).await;
    told("consumed", events, context.now().duration_since(begun).as_secs_f64());
    queue.close().await;
    Ok(())
}

fn event(context: &Context) -> Event {
    let id: EventId = context.new_id();
    let account = id.as_uuid();
    let revoked = SessionRevoked { account_id: account.into(), session_id: account.into() };
    Event::new(id, context.now(), None, EventPayload::SessionRevoked(revoked))
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn told(what: &str, events: usize, seconds: f64) {
    println!("{events} {what} in {seconds:.2} s: {:.0}/s", events as f64 / seconds);
}
