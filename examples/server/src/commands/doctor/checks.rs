//! One check a part: what is tried is what the server will do with it.

use std::{fs, net::TcpListener, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use moodify_core::{
    Services,
    model::{MediaKey, Timestamp},
    port::{Clock, Consumer, MediaError, MediaProbe, ProbeError, Queue, QueueError, Rejection},
    service::{Context, delivery::CONSUMERS},
};

use super::report::Finding;
use crate::{
    assemble::{self, Upgrade, with_advice},
    commands::healthcheck::{self, Question},
    config::{Address, Settings},
    database::Database,
    failure::{Failure, one_line},
    lock::private_folder,
    sync::SyncPart,
};

pub(super) type Found = Result<Finding, Failure>;

/// Before this Moodify did not exist: 2026-01-01T00:00:00Z.
const EARLIEST: i64 = 1_767_225_600;

/// Enough to see that something is wrong.
const MOST_DEAD_LETTERS: usize = 100;

pub(super) fn data(settings: &Settings) -> Found {
    let folder = &settings.data;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let tried =
        private_folder(folder).and_then(|()| fs::write(&probe, "x")).and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => works(format!("wrote and removed a file in {}", folder.display())),
        Err(error) => Err(Failure::new(
            format!("{} is not writable: {error}", folder.display()),
            "make it a place that this user may write to, or name another one with --data",
        )),
    }
}

pub(super) fn clock(now: Timestamp) -> Found {
    if now.as_second() < EARLIEST {
        return Err(Failure::new(
            format!("the clock says {now}"),
            "set the clock: tokens and URLs expire by it",
        ));
    }
    works(format!("it is {now}"))
}

pub(super) async fn open(settings: &Settings, services: Services) -> Result<Arc<dyn Database>, Failure> {
    assemble::database(settings, services, Upgrade::No).await
}

pub(super) async fn database(database: &dyn Database, address: &Address) -> Found {
    let tried = database.round_trip().await;
    let fix = "look at the disk that the database is on, and at what its user may do";
    tried.map_err(|error| Failure::new(one_line(&error), fix))?;
    works(format!("wrote to {address} and read it back"))
}

/// A queue in the database is tried with a consumer that asks for nothing, so that nothing is ever kept
/// for it; a broker with a queue that is gone at once.
pub(super) async fn queue(settings: &Settings, database: Option<&dyn Database>, context: &Context) -> Found {
    assemble::queue_between(settings)?;
    let address = settings.queue()?;
    let queue = assemble::queue(settings, database, context.clock.clone()).await?;
    let found = try_queue(&*queue, &address, context.now()).await;
    queue.close().await;
    found
}

async fn try_queue(queue: &dyn Queue, address: &Address, now: Timestamp) -> Found {
    let failed = |error: QueueError| with_advice(&error, "look at the database that the queue lives in");
    let tried = if address.scheme() == "database" {
        let visitor = Consumer { name: "doctor", kinds: Vec::new() };
        queue.declare(&visitor).await.map_err(failed)?;
        queue.receive(visitor.name, 1, now, Duration::from_secs(1)).await.map_err(failed)?;
        "declared a consumer on"
    } else {
        queue.check().await.map_err(failed)?;
        "sent a message through"
    };
    for consumer in CONSUMERS {
        let dead = queue.dead_letters(consumer, MOST_DEAD_LETTERS).await.map_err(failed)?;
        if let Some(letter) = dead.last() {
            return Ok(Finding::Doubtful(Failure::new(
                format!(
                    "{} dead letters for {consumer}; the last one because: {}",
                    dead.len(),
                    letter.reason
                ),
                "mend the cause, then `moodify dead-letters replay --all`",
            )));
        }
    }
    works(format!("{tried} {address}; no dead letters"))
}

pub(super) async fn media(settings: &Settings, context: &Context) -> Found {
    const TEXT: &[u8] = b"moodify was here";
    let address = settings.media()?;
    let store = assemble::media(settings, context.clock.clone()).await?;
    // First, so that its silence is told before this check is given up.
    #[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
    {
        let signed = assemble::signs(&*store, &*context.clock).await;
        signed.map_err(|error| assemble::signing_failure(&address, &error))?;
    }
    let failed = |error: MediaError| assemble::media_failure(&address, &error);
    let key = MediaKey::audio(context.new_id());
    let body = stream::iter([Ok(Bytes::from_static(TEXT))]).boxed();
    store.put(&key, TEXT.len() as u64, body).await.map_err(failed)?;
    let read: Result<Vec<Bytes>, MediaError> = match store.get(&key, None).await {
        Ok(object) => object.body.try_collect().await.map_err(MediaError::Body),
        Err(error) => Err(error),
    };
    // Also what cannot be read: nobody else knows of it.
    let deleted = store.delete(&key).await.map_err(failed);
    let read = read.map_err(failed)?;
    deleted?;
    if read.concat() != TEXT {
        return Err(Failure::new(
            format!("{address} gave back something else than was stored"),
            "check its disk",
        ));
    }
    works(format!("stored, read and deleted an object in {address}"))
}

/// Asks the issuer who it is, for its keys, and to redeem a code that nobody has.
pub(super) async fn google(settings: &Settings, context: &Context) -> Found {
    let Some(provider) = assemble::identity_provider(settings, context)? else {
        return Ok(Finding::Untried("not set up: people sign in by password".to_owned()));
    };
    let what_to_do = "see whether the issuer is up, and whether this machine may reach it";
    provider.check().await.map_err(|error| with_advice(&error, what_to_do))?;
    let back = settings.public_url(settings.listen)?.join("/v1/auth/google/callback");
    let back = back.map_err(|error| Failure::new(one_line(&error), "correct public_url"))?;
    works(format!("the issuer knows this client; it has to know {back} too"))
}

pub(super) async fn sync(
    settings: &Settings,
    open: &[(Address, Arc<dyn Database>)],
    context: &Context,
) -> Found {
    let address = settings.sync()?;
    let own = settings.database(Services::SYNC)?;
    let database = open.iter().find(|(address, _)| *address == own).map(|(_, database)| database);
    if database.is_none() && address.scheme() == "database" {
        return Ok(Finding::Untried("it needs the database".to_owned()));
    }
    let sync = assemble::sync(settings, database, context, Upgrade::No).await?;
    let found = try_sync(&sync, &address).await;
    sync.close().await;
    match (found, database) {
        // What is doubtful may be so for want of the database only.
        (Ok(Finding::Doubtful(_)), None) => {
            works(format!("{address} answers; more is seen with the database"))
        }
        (found, _) => found,
    }
}

async fn try_sync(sync: &SyncPart, address: &Address) -> Found {
    match sync {
        SyncPart::Local => works(format!("{address} lives in the server's memory")),
        #[cfg(feature = "redis")]
        SyncPart::Redis(redis) => {
            let found = redis.examine().await;
            let found = found.map_err(|error| with_advice(&error, "look at the log of the Redis server"))?;
            match found.doubts.first() {
                Some((what, fix)) => Ok(Finding::Doubtful(Failure::new(
                    format!("{} at {address}: {what}", found.version),
                    *fix,
                ))),
                None => works(format!("wrote to {address} and sent a word ({})", found.version)),
            }
        }
        #[cfg(feature = "mongodb")]
        SyncPart::Mongo { shared, .. } => {
            let heard = shared.examine().await;
            heard.map_err(|error| with_advice(&error, "look at the database with its own tools"))?;
            works(format!("stored a word in {address} and heard of it over a change stream"))
        }
    }
}

/// Shows the probe a file that is nothing: its refusal proves that the child runs.
pub(super) async fn uploads(settings: &Settings, clock: Arc<dyn Clock>) -> Found {
    let probe = assemble::probe(settings, clock)?;
    let body = stream::iter([Ok(Bytes::from_static(b"this is no picture"))]).boxed();
    match probe.cover(body, 1_000).await {
        Err(ProbeError::Rejected(Rejection::UnsupportedType)) => {
            works("a child process looked at a file and refused it, as it should".to_owned())
        }
        Err(error) => {
            Err(Failure::new(one_line(&error), "see what this user may start, and its memory limits"))
        }
        Ok(_) => Err(Failure::new("a text was taken for a picture", "report this fault")),
    }
}

pub(super) fn listen(settings: &Settings) -> Found {
    let address = settings.listen;
    match TcpListener::bind(address) {
        Ok(_) => works(format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            match healthcheck::run(None, Question::Ready, settings) {
                Ok(()) => works(format!("a server answers at {address} and is ready")),
                Err(_) => Err(Failure::new(
                    format!("{address} is taken, and not by a server that is ready"),
                    "stop the other program, or choose another address with --listen",
                )),
            }
        }
        Err(error) => Err(Failure::new(
            format!("{address} cannot be used: {error}"),
            "choose another address with --listen",
        )),
    }
}

pub(super) fn works(what: String) -> Found {
    Ok(Finding::Works(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        assert!(clock(Timestamp::UNIX_EPOCH).is_err());
        assert!(clock(Timestamp::from_second(EARLIEST).unwrap()).is_ok());
    }
}
