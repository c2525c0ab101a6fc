use std::time::Duration;

use jiff::Timestamp;
use moodify_core::Vitals;
use moodify_core::port::{Backlog, DeliveryOutcome, Measurement, Meter, Unavailable};
use moodify_core::service::accounts::HashingLoad;
use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use super::families::Families;

/// In seconds: from what a cached read takes to what a slow upload does.
const REQUESTS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// In seconds: from at once to the last try of the schedule.
const DELIVERIES: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 60.0, 600.0, 3_600.0, 25_200.0];
/// In seconds: what players correct by rate, by seeking, and what is plainly wrong.
const SKEWS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Counts for Prometheus. One for a process.
pub struct PrometheusMeter {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    uploads: IntCounter,
    upload_bytes: IntCounter,
    uploads_refused: IntCounterVec,
    published: IntCounter,
    outbox: IntGauge,
    outbox_age: Gauge,
    deliveries: IntCounterVec,
    delivery_seconds: HistogramVec,
    waiting: IntGaugeVec,
    dead_letters: IntGaugeVec,
    mails_held: IntCounterVec,
    mails_unanswered: IntCounter,
    hashes_running: IntGauge,
    hashes_waiting: IntGauge,
    sockets: IntGauge,
    commands: IntCounterVec,
    saves: IntCounterVec,
    interruptions: IntCounter,
    hints_lost: IntCounter,
    skew: Histogram,
    scrape_ok: IntGauge,
}

impl PrometheusMeter {
    /// A meter that has counted nothing yet.
    ///
    /// # Errors
    /// [`Unavailable`] if the library refuses a name: a fault of this file.
    pub fn new() -> Result<Self, Unavailable> {
        let registry = Registry::new();
        let new = Families(&registry);
        let meter = Self {
            requests: new.counters(
                "moodify_http_requests_total",
                "Requests answered.",
                &["method", "route", "status"],
            )?,
            request_seconds: new.histograms(
                "moodify_http_request_seconds",
                "From the head of a request to the head of its answer.",
                &REQUESTS,
                &["method", "route"],
            )?,
            uploads: new.counter("moodify_uploads_total", "Uploads that became tracks.")?,
            upload_bytes: new
                .counter("moodify_upload_bytes_total", "Audio in uploads that became tracks.")?,
            uploads_refused: new.counters(
                "moodify_uploads_refused_total",
                "Uploads that became no track.",
                &["reason"],
            )?,
            published: new
                .counter("moodify_events_published_total", "Events from the outbox to the queue.")?,
            outbox: new.gauge("moodify_outbox_events", "Events that wait in the outbox.")?,
            outbox_age: new
                .seconds("moodify_outbox_age_seconds", "How long ago the event at its front happened.")?,
            deliveries: new.counters(
                "moodify_deliveries_total",
                "Events that consumers were done with, for now or for good.",
                &["consumer", "outcome"],
            )?,
            delivery_seconds: new.histograms(
                "moodify_delivery_seconds",
                "From when an event happened to when it was handled.",
                &DELIVERIES,
                &["consumer"],
            )?,
            waiting: new.gauges(
                "moodify_deliveries_waiting",
                "Deliveries that wait in the queue.",
                &["consumer"],
            )?,
            dead_letters: new.gauges("moodify_dead_letters", "Events that were given up.", &["consumer"])?,
            mails_held: new.counters(
                "moodify_mails_held_total",
                "Times that a mail had to wait.",
                &["by"],
            )?,
            mails_unanswered: new
                .counter("moodify_mails_unanswered_total", "Mails handed over without an answer.")?,
            hashes_running: new.gauge("moodify_password_hashes_running", "Passwords being hashed.")?,
            hashes_waiting: new.gauge("moodify_password_hashes_waiting", "Passwords that wait for it.")?,
            sockets: new.gauge("moodify_sockets_open", "Playback sockets.")?,
            commands: new.counters(
                "moodify_sync_commands_total",
                "Commands of playback devices.",
                &["outcome"],
            )?,
            saves: new.counters(
                "moodify_playback_saves_total",
                "Writes of changed playback to the database.",
                &["outcome"],
            )?,
            interruptions: new.counter(
                "moodify_sync_interruptions_total",
                "Times that this process was cut off from the others' news.",
            )?,
            hints_lost: new.counter("moodify_sync_hints_lost_total", "News that did not get out.")?,
            skew: new.histogram(
                "moodify_sync_skew_seconds",
                "How far what devices play is from where they should be.",
                &SKEWS,
            )?,
            scrape_ok: new
                .gauge("moodify_scrape_ok", "Whether outbox and queue could be asked for their numbers.")?,
            registry,
        };
        #[cfg(target_os = "linux")]
        let process = prometheus::process_collector::ProcessCollector::for_self();
        #[cfg(target_os = "linux")]
        meter.registry.register(Box::new(process)).map_err(Unavailable::lasting)?;
        Ok(meter)
    }

    /// The page. `vitals` is `None` when outbox or queue could not be asked; `hashing` and `sockets` this
    /// process knows by itself.
    ///
    /// # Errors
    /// [`Unavailable`] if the library cannot write it.
    pub fn render(
        &self,
        vitals: Option<&Vitals>,
        hashing: HashingLoad,
        sockets: usize,
        now: Timestamp,
    ) -> Result<String, Unavailable> {
        self.hashes_running.set(number(hashing.running as u64));
        self.hashes_waiting.set(number(hashing.waiting as u64));
        self.sockets.set(number(sockets as u64));
        self.scrape_ok.set(vitals.is_some().into());
        // What is not known is not shown: the last number would pass for today's.
        self.waiting.reset();
        self.dead_letters.reset();
        if let Some(vitals) = vitals {
            self.observe(vitals, now);
        }
        let mut families = self.registry.gather();
        if vitals.and_then(|vitals| vitals.outbox).is_none() {
            families.retain(|family| !family.name().starts_with("moodify_outbox_"));
        }
        TextEncoder::new().encode_to_string(&families).map_err(Unavailable::lasting)
    }

    fn observe(&self, vitals: &Vitals, now: Timestamp) {
        if let Some(Backlog { count, oldest }) = vitals.outbox {
            self.outbox.set(number(count));
            let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
            self.outbox_age.set(age);
        }
        for (consumer, depth) in &vitals.consumers {
            set(&self.waiting, consumer, depth.waiting);
            set(&self.dead_letters, consumer, depth.dead);
        }
    }

    fn delivered(&self, consumer: &str, outcome: DeliveryOutcome, age: Duration) {
        count(&self.deliveries, &[consumer, outcome.as_str()]);
        if outcome == DeliveryOutcome::Handled {
            observe(&self.delivery_seconds, &[consumer], age);
        }
    }
}

impl Meter for PrometheusMeter {
    fn record(&self, measurement: Measurement<'_>) {
        match measurement {
            Measurement::Request { method, route, status, elapsed } => {
                let route = if route.is_empty() { "unmatched" } else { route };
                count(&self.requests, &[method, route, class(status)]);
                observe(&self.request_seconds, &[method, route], elapsed);
            }
            Measurement::UploadStored { bytes } => {
                self.uploads.inc();
                self.upload_bytes.inc_by(bytes);
            }
            Measurement::UploadRefused { reason } => count(&self.uploads_refused, &[reason]),
            Measurement::Published { events } => self.published.inc_by(events as u64),
            Measurement::Delivered { consumer, outcome, age } => self.delivered(consumer, outcome, age),
            Measurement::MailHeld { by } => count(&self.mails_held, &[by]),
            Measurement::MailUnanswered => self.mails_unanswered.inc(),
            Measurement::SyncCommand { outcome } => count(&self.commands, &[outcome]),
            Measurement::PlaybackSaved { ok } => count(&self.saves, &[if ok { "ok" } else { "failed" }]),
            Measurement::SyncInterrupted => self.interruptions.inc(),
            Measurement::SyncHintLost => self.hints_lost.inc(),
            Measurement::SyncSkew { skew } => self.skew.observe(skew.as_secs_f64()),
        }
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

// The labels are as many as those of the family: this cannot fail.
fn count(family: &IntCounterVec, labels: &[&str]) {
    if let Ok(counter) = family.get_metric_with_label_values(labels) {
        counter.inc();
    }
}

fn observe(family: &HistogramVec, labels: &[&str], duration: Duration) {
    if let Ok(histogram) = family.get_metric_with_label_values(labels) {
        histogram.observe(duration.as_secs_f64());
    }
}

fn set(family: &IntGaugeVec, label: &str, value: u64) {
    if let Ok(gauge) = family.get_metric_with_label_values(&[label]) {
        gauge.set(number(value));
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test reports by panicking")]
mod tests {
    use moodify_core::port::Depth;

    use super::*;

    #[test]
    fn the_page_of_metrics_names_all_of_them_and_no_other() {
        let page = include_str!("docs.md");
        let row = |line: &str| line.strip_prefix("| ").map(|row| row.split('|').next().unwrap().to_owned());
        let cells: String = page.lines().filter_map(row).collect();
        let mut documented: Vec<&str> =
            cells.split('`').filter(|name| name.starts_with("moodify_")).collect();
        documented.sort_unstable();
        let text = rendered(Some(&vitals()));
        let mut shown: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE moodify_")?.split(' ').next()).collect();
        shown.sort_unstable();
        let documented: Vec<&str> =
            documented.iter().filter_map(|name| name.strip_prefix("moodify_")).collect();
        assert_eq!(shown, documented, "{text}");
    }

    #[test]
    fn what_could_not_be_asked_is_left_out() {
        let text = rendered(None);
        assert!(text.contains("moodify_scrape_ok 0\n"), "{text}");
        assert!(!text.contains("moodify_outbox_") && !text.contains("moodify_dead_letters"), "{text}");
        // A pool that is busy when the database is down is not hidden by it.
        assert!(text.contains("moodify_password_hashes_running 2\n"), "{text}");
        assert!(text.contains("moodify_password_hashes_waiting 5\n"), "{text}");
        let text = rendered(Some(&vitals()));
        for line in [
            "moodify_scrape_ok 1",
            "moodify_outbox_events 3",
            "moodify_outbox_age_seconds 90",
            "moodify_dead_letters{consumer=\"notification\"} 2",
            "moodify_deliveries_total{consumer=\"notification\",outcome=\"handled\"} 1",
            "moodify_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"4xx\"} 1",
            "moodify_sync_commands_total{outcome=\"stale\"} 1",
            "moodify_playback_saves_total{outcome=\"failed\"} 1",
            "moodify_mails_held_total{by=\"pace\"} 1",
            "moodify_mails_unanswered_total 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
        }
    }

    fn vitals() -> Vitals {
        Vitals {
            outbox: Some(Backlog { count: 3, oldest: Some(now() - jiff::SignedDuration::from_secs(90)) }),
            consumers: vec![("notification", Depth { waiting: 1, dead: 2 })],
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_767_225_600).unwrap()
    }

    fn rendered(vitals: Option<&Vitals>) -> String {
        let meter = PrometheusMeter::new().unwrap();
        let second = Duration::from_secs(1);
        for measurement in [
            Measurement::Request { method: "GET", route: "", status: 404, elapsed: second },
            Measurement::UploadRefused { reason: "too_large" },
            Measurement::SyncCommand { outcome: "stale" },
            Measurement::PlaybackSaved { ok: false },
            Measurement::MailHeld { by: "pace" },
            Measurement::MailUnanswered,
            Measurement::Delivered {
                consumer: "notification",
                outcome: DeliveryOutcome::Handled,
                age: second,
            },
        ] {
            meter.record(measurement);
        }
        meter.render(vitals, HashingLoad { running: 2, waiting: 5 }, 0, now()).unwrap()
    }
}
