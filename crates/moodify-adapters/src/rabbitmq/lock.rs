//! What only one process may do at a time: whoever has declared an exclusive queue has the lock, and a
//! process that dies gives it back.

use std::future::Future;
use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use moodify_core::port::Clock;

use super::error::Fault;
use super::session::Session;

/// Others hold it for some milliseconds, or for as long as they look through many dead letters.
const PATIENCE: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);
/// When a lock ends that nobody gives back, because its work was cut off. In milliseconds.
const LIFETIME: i32 = 60_000;

/// Does this work while no other connection does any under the same lock. Who does it in this process is
/// not its business.
pub(super) async fn alone<T>(
    session: &Session,
    lock: ShortString,
    clock: &dyn Clock,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    take(session, &lock, clock).await?;
    let done = work.await;
    if let Err(error) = give_back(session, lock).await {
        tracing::debug!(%error, "a lock ends by itself");
    }
    done
}

async fn take(session: &Session, lock: &ShortString, clock: &dyn Clock) -> Result<(), Fault> {
    for _ in 0..PATIENCE {
        let channel = session.channel().await?;
        let options = QueueDeclareOptions { exclusive: true, ..Default::default() };
        let mut arguments = FieldTable::default();
        arguments.insert("x-expires".into(), AMQPValue::LongInt(LIFETIME));
        match session.declared(channel.queue_declare(lock.clone(), options, arguments)).await {
            Ok(_) => {
                session.end(&channel).await;
                return Ok(());
            }
            Err(Fault::Taken) => clock.sleep(PAUSE).await,
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::Locked(lock.as_str().to_owned(), PAUSE * PATIENCE))
}

async fn give_back(session: &Session, lock: ShortString) -> Result<(), Fault> {
    let channel = session.channel().await?;
    session.within("delete a queue", channel.queue_delete(lock, QueueDeleteOptions::default())).await?;
    session.end(&channel).await;
    Ok(())
}
