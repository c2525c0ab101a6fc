//! Signing up, logging in, and a flood of wrong passwords.

use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use hdrhistogram::Histogram;

use super::{Length, Load, micros, new_histogram, run};
use crate::{client::Client, subject::Subject};

/// How many sign up or log in at once.
const CLIENTS: usize = 8;

pub(crate) async fn sign_up(subject: &Subject, count: u64) -> Result<Load> {
    sign_up_as(subject, "listener", count).await
}

/// The same with other names.
pub(crate) async fn sign_up_as(subject: &Subject, name: &str, count: u64) -> Result<Load> {
    let name: Arc<str> = name.into();
    let client = Client::new(subject.at.clone())?;
    run(&subject.auth(), CLIENTS, Length::Count(count), move |number| {
        let (client, name) = (client.clone(), name.clone());
        async move { client.sign_up(&format!("{name}-{number}@bench.example")).await.map(drop) }
    })
    .await
}

/// After [`sign_up`] with at least as many.
pub(crate) async fn log_in(subject: &Subject, count: u64) -> Result<Load> {
    let client = Client::new(subject.at.clone())?;
    run(&subject.auth(), CLIENTS, Length::Count(count), move |number| {
        let client = client.clone();
        async move { client.log_in(&format!("listener-{number}@bench.example")).await.map(drop) }
    })
    .await
}

/// Processor time of one Argon2id hash as Moodify makes it, on as many threads as there are
/// processors, in milliseconds.
pub(crate) fn hash_ms(hashes: u32) -> Result<f64> {
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let work = move || -> Result<()> {
        let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| anyhow::anyhow!("{e}"))?;
        let mut memory = vec![Block::default(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 32];
        for _ in 0..hashes {
            let hashed = argon2.hash_password_into_with_memory(
                b"a password",
                b"some salt of it",
                &mut out,
                &mut memory,
            );
            hashed.map_err(|e| anyhow::anyhow!("{e}"))?;
        }
        Ok(())
    };
    let before = own_cpu()?;
    let running: Vec<_> = (0..threads).map(|_| std::thread::spawn(work)).collect();
    for thread in running {
        thread.join().map_err(|_| anyhow::anyhow!("a hash panicked"))??;
    }
    let used = own_cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1000.0 / f64::from(hashes) / threads as f64)
}

fn own_cpu() -> Result<Duration> {
    let stat = procfs::process::Process::myself()?.stat()?;
    Ok(Duration::from_micros((stat.utime + stat.stime) * 1_000_000 / procfs::ticks_per_second()))
}

/// What others see of a flood.
pub(crate) struct Flood {
    pub(crate) load: Load,
    /// Of `/health/live` meanwhile, in microseconds.
    pub(crate) liveness: Histogram<u64>,
}

/// 64 clients try wrong passwords for this long; somebody asks meanwhile whether the service lives.
pub(crate) async fn flood(subject: &Subject, time: Duration) -> Result<Flood> {
    let client = Client::new(subject.at.clone())?;
    let over = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask(client.clone(), over.clone()));
    let load = run(&subject.auth(), 64, Length::For(time), move |number| {
        let client = client.clone();
        async move { client.log_in_wrongly(&format!("listener-{}@bench.example", number % 50)).await }
    })
    .await;
    over.store(true, Ordering::Relaxed);
    let liveness = asking.await??;
    Ok(Flood { load: load?, liveness })
}

async fn ask(client: Client, over: Arc<AtomicBool>) -> Result<Histogram<u64>> {
    let mut latency = new_histogram()?;
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        client.liveness().await?;
        latency.saturating_record(micros(asked.elapsed()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(latency)
}
