//! How long a command takes to the listener's device at another process, over Redis:
//! `sync_speed redis://127.0.0.1 1000` sends so many a second, for ten seconds, from a hundred listeners.
#![allow(clippy::print_stdout, reason = "its purpose")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::try_join_all;
use moodify_adapters::redis::{Redis, RedisConfig};
use moodify_core::config::PlaybackConfig;
use moodify_core::memory::{MemoryQueue, SystemClock, SystemRng};
use moodify_core::model::{Caller, Command, Operation, Repeat, Role, Timestamp, later};
use moodify_core::port::{Hint, Signal};
use moodify_core::service::Context;
use moodify_core::service::playback::{Outcome, Playback, PlaybackParts, Turn};

const LISTENERS: u32 = 100;
const SECONDS: u32 = 10;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    let rate: u32 = arguments.next().unwrap_or_else(|| "1000".to_owned()).parse()?;
    let context = Context::new(Arc::new(SystemClock), Arc::new(SystemRng));
    let mut config = RedisConfig::from_url(&url.into())?;
    config.prefix = "speed".to_owned();
    config.keep = Duration::from_secs(60);
    let one = node(config.clone(), &context).await?;
    let other = node(config, &context).await?;
    let pause = Duration::from_secs(1) * LISTENERS / rate;
    // Not all at once.
    let listeners = (0..LISTENERS).map(|n| {
        let begin = pause * n / LISTENERS;
        let (one, other, context) = (one.1.clone(), other.1.clone(), context.clone());
        async move { tokio::spawn(listen(one, other, context, (begin, pause))).await? }
    });
    let mut took: Vec<Duration> = try_join_all(listeners).await?.concat();
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 1_000];
    println!("{} commands: p50 {:?}, p99 {:?}, p99.9 {:?}", took.len(), at(500), at(990), at(999));
    Ok(())
}

async fn node(config: RedisConfig, context: &Context) -> Result<(Redis, Arc<Playback>), Failure> {
    let redis = Redis::connect(config, None, context.clone()).await?;
    let parts = PlaybackParts {
        store: redis.playback_store(),
        hub: redis.hub(),
        queue: Arc::new(MemoryQueue::new()),
    };
    let life = Duration::from_secs(600);
    Ok((redis, Arc::new(Playback::new(parts, context.clone(), PlaybackConfig::default(), life))))
}

/// From the call at one node to the signal at the other.
async fn listen(
    one: Arc<Playback>,
    other: Arc<Playback>,
    context: Context,
    (begin, pause): (Duration, Duration),
) -> Result<Vec<Duration>, Failure> {
    let caller = Caller {
        account_id: context.new_id(),
        session_id: context.new_id(),
        role: Role::User,
        artist_id: None,
        name: String::new(),
        expires_at: later(context.now(), Duration::from_secs(600)),
    };
    let (phone, _own) = one.connect(&caller).await??;
    let (_kitchen, mut signals) = other.connect(&caller).await??;
    let (begun, mut took) = (later(context.now(), begin), Vec::new());
    for n in 0.. {
        let due: Timestamp = later(begun, pause * n);
        if n * pause >= Duration::from_secs(1) * SECONDS {
            break;
        }
        context.clock.sleep(due.duration_since(context.now()).try_into().unwrap_or(Duration::ZERO)).await;
        let sent = context.now();
        let repeat = if n % 2 == 0 { Repeat::All } else { Repeat::Off };
        let command =
            Command { id: context.new_id(), expect: None, operation: Operation::SetRepeat { repeat } };
        let Outcome::Applied { applied, .. } = one.command(&phone, Turn::Next(command)).await? else {
            return Err("a command was refused".into());
        };
        while let Some(signal) = signals.next().await {
            if matches!(signal, Signal::Hint(Hint::State(state)) if state.rev == applied.version.rev) {
                break;
            }
        }
        took.push(context.now().duration_since(sent).unsigned_abs());
    }
    Ok(took)
}
