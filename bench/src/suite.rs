//! The loads of one product, in order.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};

use crate::{
    Part,
    client::Client,
    figures::{Figures, Scaling},
    load::{self, accounts, catalogue, delivery, reading, sockets, uploads},
    process::Meter,
    subject::{Catalogue, Product, Program, Setup, Subject, seed_tracks},
};

const MB: f64 = 1_000_000.0;

/// Processor time and p99 of a list, a playlist and a short playlist.
const READS: [(&str, Option<&str>); 3] = [
    ("list_cpu", Some("list_p99")),
    ("playlist_cpu", Some("playlist_p99")),
    ("playlist10_cpu", Some("playlist10_p99")),
];

/// With a database that answers at once. How long that takes would say nothing.
const REPLAYED: [(&str, Option<&str>); 3] =
    [("list_busy_cpu", None), ("playlist_busy_cpu", None), ("playlist10_busy_cpu", None)];

/// Runs the wanted loads on one product and notes what came of them.
pub(crate) struct Suite<'a> {
    pub(crate) program: &'a Program,
    pub(crate) parts: &'a [Part],
    pub(crate) quick: bool,
    pub(crate) figures: &'a mut Figures,
}

impl Suite<'_> {
    pub(crate) async fn run(mut self) -> Result<()> {
        for part in self.parts {
            if !self.has(*part) {
                continue;
            }
            println!("{:?}: {part:?}", self.program.product);
            // A product of its own for each part: no load meets what another one left.
            let folder = tempfile::tempdir()?;
            if *part == Part::Catalogue {
                self.catalogue().await?;
                continue;
            }
            if let Err(error) = self.load(*part, folder.path()).await {
                let kept = folder.keep();
                return Err(error.context(format!("{part:?}: data and logs are in {}", kept.display())));
            }
        }
        Ok(())
    }

    async fn load(&mut self, part: Part, folder: &Path) -> Result<()> {
        let subject = Subject::start(self.program, &folder.join("data")).await?;
        match part {
            Part::Reading => self.reading(&subject).await?,
            Part::Accounts => self.accounts(&subject).await?,
            Part::Uploads => self.uploads(&subject).await?,
            Part::Sockets => self.sockets(&subject).await?,
            Part::Delivery => self.delivery(&subject).await?,
            Part::Catalogue => {}
        }
        subject.stop().await
    }

    /// Some loads are for one product on one setup.
    fn has(&self, part: Part) -> bool {
        let moodify = self.program.product == Product::Moodify;
        match part {
            Part::Catalogue => moodify && self.program.setup == Setup::Embedded,
            Part::Delivery => moodify && self.program.setup == Setup::Servers,
            Part::Reading | Part::Accounts | Part::Uploads | Part::Sockets => true,
        }
    }

    fn note(&mut self, id: &str, value: f64) {
        self.figures.note(id, self.program.product, value);
    }

    fn time(&self, seconds: u64) -> Duration {
        Duration::from_millis(seconds * if self.quick { 100 } else { 1000 })
    }

    fn count(&self, count: u64) -> u64 {
        if self.quick { count / 10 } else { count }
    }

    async fn reading(&mut self, subject: &Subject) -> Result<()> {
        let idle = Meter::start(&subject.all())?.stop()?;
        self.note("idle_memory", idle.memory_peak as f64 / MB);
        let artist = Client::new(subject.at.clone())?.sign_up_artist("artist@bench.example").await?;
        let mut ids = Vec::new();
        for number in 0..50 {
            ids.push(uploads::small(&artist, number).await?);
        }
        let playlist = artist.create_playlist(&ids).await?;
        let short = artist.create_playlist(&ids[..10]).await?;
        let listener = artist.sign_up("listener@bench.example").await?;
        let items = listener.json("/v1/tracks?limit=10").await?["items"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(items == 10, "a list of {items} tracks");
        let (long, short) = (format!("/v1/playlists/{playlist}"), format!("/v1/playlists/{short}"));
        let reads = [(&listener, "/v1/tracks?limit=10"), (&artist, &long), (&artist, &short)];
        self.reads(subject, reads, READS).await?;
        if let Some(replay) = &subject.replay {
            replay.begin();
            let requests = self.reads(subject, reads, REPLAYED).await?;
            let given = replay.end();
            anyhow::ensure!(given >= requests, "{requests} reads got only {given} answers again");
        }
        Ok(())
    }

    /// A list, a playlist and a short playlist. Returns how many requests were measured.
    async fn reads(
        &mut self,
        subject: &Subject,
        reads: [(&Client, &str); 3],
        ids: [(&str, Option<&str>); 3],
    ) -> Result<u64> {
        let mut requests = 0;
        for ((client, path), (cpu, p99)) in reads.into_iter().zip(ids) {
            reading::read(subject, client, path, self.time(2)).await?;
            let load = reading::read(subject, client, path, self.time(6)).await?;
            self.note(cpu, load.cpu_ms());
            if let Some(p99) = p99 {
                self.note(p99, load.quantile_ms(0.99));
            }
            println!("  {:.0}/s of {path}", load.per_second());
            requests += load.requests;
        }
        Ok(requests)
    }

    async fn accounts(&mut self, subject: &Subject) -> Result<()> {
        let sign_up = accounts::sign_up(subject, self.count(400)).await?;
        self.note("signup_cpu", sign_up.cpu_ms());
        self.note("signup_p50", sign_up.quantile_ms(0.5));
        self.note("signup_p99", sign_up.quantile_ms(0.99));
        // Welcome mails are still being written.
        for process in subject.auth() {
            process.settle().await?;
        }
        let log_in = accounts::log_in(subject, self.count(400)).await?;
        self.note("login_cpu", log_in.cpu_ms());
        self.note("login_p99", log_in.quantile_ms(0.99));
        if self.program.product == Product::Moodify {
            let hash = accounts::hash_ms(200)?;
            self.note("signup_rest_cpu", sign_up.cpu_ms() - hash);
            self.note("login_rest_cpu", log_in.cpu_ms() - hash);
        }
        let flood = accounts::flood(subject, self.time(10)).await?;
        self.note("flood_live_p99", flood.liveness.value_at_quantile(0.99) as f64 / 1000.0);
        self.note("flood_growth", flood.load.used.growth() as f64 / MB);
        println!("  {:.0} sign-ups/s, {:.0} log-ins/s", sign_up.per_second(), log_in.per_second());
        Ok(())
    }

    async fn uploads(&mut self, subject: &Subject) -> Result<()> {
        let artist = Client::new(subject.at.clone())?.sign_up_artist("artist@bench.example").await?;
        let many = uploads::load(subject, &artist, self.count(64).max(32), 32, 4_900_000).await?;
        self.note("upload_cpu", many.cpu_ms());
        self.note("upload_growth", many.used.growth() as f64 / MB);
        let large = uploads::load(subject, &artist, 1, 1, 99_000_000).await?;
        self.note("upload_large_growth", large.used.growth() as f64 / MB);
        println!("  {:.1} uploads/s of 4.9 MB", many.per_second());
        Ok(())
    }

    async fn delivery(&mut self, subject: &Subject) -> Result<()> {
        let broker = subject.broker.as_ref().context("no broker")?;
        let sign_ups = delivery::sign_ups(subject, broker, self.count(2000)).await?;
        let p99 = |latency: &hdrhistogram::Histogram<u64>| latency.value_at_quantile(0.99) as f64;
        self.note("signup_down", p99(&sign_ups.down) / p99(&sign_ups.up));
        let events = delivery::events(subject, broker, self.count(10_000)).await?;
        let each = |time: Duration| time.as_secs_f64() * 1000.0 / events.count as f64;
        self.note("relay_cpu", each(events.relay.cpu));
        self.note("relay_time", each(events.relayed_in));
        self.note("consume_cpu", each(events.consumer.cpu));
        self.note("consume_time", each(events.consumed_in));
        let rate = |time: Duration| events.count as f64 / time.as_secs_f64();
        let (relayed, consumed) = (rate(events.relayed_in), rate(events.consumed_in));
        println!("  {relayed:.0} events relayed a second, {consumed:.0} consumed");
        Ok(())
    }

    async fn sockets(&mut self, subject: &Subject) -> Result<()> {
        let (pairs, crowds) = if self.quick { (50, 40) } else { (500, 400) };
        let tokens = subject.listeners(pairs + crowds + 1).await?;
        let (last, tokens) = tokens.split_last().context("no listeners")?;
        let rate = if self.quick { 100 } else { 1000 };
        let all = sockets::fan_out(subject, tokens, pairs, rate, self.time(20)).await?;
        self.note("socket_idle", all.idle_bytes / 1000.0);
        self.note("socket_p99", all.latency.value_at_quantile(0.99) as f64 / 1000.0);
        self.note("socket_cpu", all.used.cpu.as_secs_f64() * 1000.0 / all.commands as f64);
        let wrong = sockets::out_of_order(subject, last, 2000).await?;
        self.note("socket_order", wrong as f64);
        println!("  {} sockets, {:.0} commands/s", all.sockets, all.per_second);
        Ok(())
    }

    async fn catalogue(&mut self) -> Result<()> {
        // In memory where that is possible: filling it waits for the disk 110,000 times.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let folder = folder.path();
        let small = self.costs_with(&folder.join("small"), 1_000).await?;
        let large = self.costs_with(&folder.join("large"), if self.quick { 10_000 } else { 100_000 }).await?;
        let scaling = small.iter().zip(&large).map(|(small, large)| Scaling {
            question: small.question,
            small_cpu_ms: small.cpu_ms,
            large_cpu_ms: large.cpu_ms,
        });
        self.figures.catalogue = scaling.collect();
        let ratios = self.figures.catalogue.iter().map(|cost| cost.large_cpu_ms / cost.small_cpu_ms);
        let worst = ratios.fold(0.0, f64::max);
        self.note("catalogue_worst", worst);
        Ok(())
    }

    async fn costs_with(&self, data: &Path, tracks: u32) -> Result<Vec<load::catalogue::Cost>> {
        seed_tracks(data, &Catalogue { tracks }).await?;
        let subject = Subject::start(self.program, data).await?;
        let listener = Client::new(subject.at.clone())?.sign_up("listener@bench.example").await?;
        let costs = catalogue::costs(&subject, &listener, self.time(2)).await?;
        subject.stop().await?;
        Ok(costs)
    }
}
