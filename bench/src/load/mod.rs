//! The loads: what is asked, how often, and what came of it.

pub(crate) mod accounts;
pub(crate) mod catalogue;
pub(crate) mod delivery;
pub(crate) mod reading;
pub(crate) mod sockets;
pub(crate) mod uploads;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::process::{Meter, Process, Used};

/// How many requests a load makes.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    /// As many as fit into this time.
    For(Duration),
    /// This many.
    Count(u64),
}

/// What came of a load.
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// In microseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) used: Used,
}

impl Load {
    /// Processor time a request, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.used.cpu.as_secs_f64() * 1000.0 / self.requests.max(1) as f64
    }

    /// A quantile of the latency, in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// Lets so many clients make one request after the other, and measures these processes meanwhile.
/// A request that fails ends the load: figures of failures mean nothing.
pub(crate) async fn run<Work, Answer>(
    processes: &[&Process],
    clients: usize,
    length: Length,
    work: Work,
) -> Result<Load>
where
    Work: Fn(u64) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<()>> + Send,
{
    let taken = Arc::new(AtomicU64::new(0));
    let meter = Meter::start(processes)?;
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (work, taken) = (work.clone(), taken.clone());
        running.spawn(async move {
            let mut latency = new_histogram()?;
            loop {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                let over = match length {
                    Length::For(time) => begin.elapsed() >= time,
                    Length::Count(count) => number >= count,
                };
                if over {
                    return anyhow::Ok(latency);
                }
                let asked = Instant::now();
                work(number).await?;
                latency.saturating_record(micros(asked.elapsed()));
            }
        });
    }
    let mut latency = new_histogram()?;
    while let Some(client) = running.join_next().await {
        latency.add(client.context("a client broke")??)?;
    }
    let (elapsed, used) = (begin.elapsed(), meter.stop()?);
    ensure!(!latency.is_empty(), "no request was answered");
    Ok(Load { requests: latency.len(), elapsed, latency, used })
}

/// From 1 µs to a minute, to three digits.
pub(crate) fn new_histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
