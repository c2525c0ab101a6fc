//! From the commit to the consumer: what a broker that is away costs, and what an event costs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;

use super::{Length, accounts, new_histogram, run};
use crate::{
    client::Client,
    process::{Meter, Used},
    subject::Subject,
    wire::Wire,
};

/// How long everything that waits may take to arrive.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often metrics are looked at: each look asks the database, which counts, and the broker.
const LOOK: Duration = Duration::from_millis(250);

/// How many sign up before anything is measured: connections are opened, and caches are filled.
const WARM_UP: u64 = 50;

/// Who changes names, and how many of them at once: so many that nobody does twice at the same time.
const PEOPLE: usize = 64;
const CLIENTS: usize = 8;

/// How long sign-ups took, in microseconds.
pub(crate) struct SignUps {
    pub(crate) up: Histogram<u64>,
    pub(crate) down: Histogram<u64>,
}

/// So many sign-ups with the broker there and as many without, in turns: there, away, away, there and so on, so
/// that whatever drifts drifts for both. Each begins when everything of the one before it is done.
pub(crate) async fn sign_ups(subject: &Subject, broker: &Wire, count: u64) -> Result<SignUps> {
    const TURNS: u64 = 4;
    let mut found = SignUps { up: new_histogram()?, down: new_histogram()? };
    accounts::sign_up_as(subject, "warm-up", WARM_UP).await?;
    calm(subject).await?;
    for turn in 0..TURNS {
        let first = turn.is_multiple_of(2);
        for there in [first, !first] {
            let name = if there { format!("up-{turn}") } else { format!("down-{turn}") };
            if !there {
                broker.cut();
            }
            let load = accounts::sign_up_as(subject, &name, count / TURNS).await?;
            let latency = if there { &mut found.up } else { &mut found.down };
            latency.add(load.latency)?;
            broker.mend();
            calm(subject).await?;
        }
    }
    Ok(found)
}

/// Waits until nothing is on its way, and no mail is being written.
async fn calm(subject: &Subject) -> Result<()> {
    until_empty(subject).await?;
    for process in subject.all() {
        process.settle().await?;
    }
    Ok(())
}

/// What so many events cost.
pub(crate) struct Events {
    pub(crate) count: u64,
    /// From the look that found the first ones gone from the outbox until the one that found it empty.
    pub(crate) relayed_in: Duration,
    /// From the same moment, end to end, until a look found that the music service had handled the last one.
    pub(crate) consumed_in: Duration,
    pub(crate) relay: Used,
    pub(crate) consumer: Used,
}

/// Lets so many events pile up while the broker is away, and measures how they leave and arrive.
pub(crate) async fn events(subject: &Subject, broker: &Wire, count: u64) -> Result<Events> {
    let client = Client::new(subject.at.clone())?;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(client.sign_up(&format!("mover-{number}@bench.example")).await?);
    }
    calm(subject).await?;
    let handled_before = handled(&client).await?;
    broker.cut();
    run(&[], CLIENTS, Length::Count(count), move |number| {
        let person = people[usize::try_from(number).unwrap_or(0) % people.len()].clone();
        async move { person.rename(&format!("Bench {number}")).await }
    })
    .await?;
    until("the outbox tells", || async {
        Ok(client.outbox().await?.is_some_and(|waiting| waiting >= count))
    })
    .await?;
    let (relay, consumer) = (Meter::start(&subject.auth())?, Meter::start(&subject.music())?);
    broker.mend();
    let fewer = || async { Ok(client.outbox().await?.is_some_and(|waiting| waiting < count)) };
    until("the first event leaves", fewer).await?;
    let first = Instant::now();
    until("the outbox is empty", || async { Ok(client.outbox().await? == Some(0)) }).await?;
    let (relayed_in, relay) = (first.elapsed(), relay.stop()?);
    until("all are handled", || async { Ok(handled(&client).await? - handled_before >= count) }).await?;
    Ok(Events { count, relayed_in, consumed_in: first.elapsed(), relay, consumer: consumer.stop()? })
}

async fn handled(client: &Client) -> Result<u64> {
    client.handled_by_music().await
}

async fn until_empty(subject: &Subject) -> Result<()> {
    let client = Client::new(subject.at.clone())?;
    until("the outbox is empty", || async { Ok(client.outbox().await? == Some(0)) }).await
}

async fn until<F: Future<Output = Result<bool>>>(what: &str, done: impl Fn() -> F) -> Result<()> {
    let begun = Instant::now();
    while !done().await.with_context(|| what.to_owned())? {
        if begun.elapsed() > PATIENCE {
            bail!("it takes too long until {what}");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
