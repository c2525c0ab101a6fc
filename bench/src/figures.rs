//! What a run found, each figure with its name, its unit and what it should be.

use serde::Serialize;

use crate::{machine::Machine, subject::Product};

/// One thing that was measured. Less is better in all of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// Stable name, for comparing runs.
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// What Moodify is to stay at or below.
    pub(crate) target: Option<f64>,
    pub(crate) moodify: Option<f64>,
    pub(crate) peer: Option<f64>,
}

impl Figure {
    /// How many times what Moodify needs the peer needs.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (moodify, peer) = (self.moodify?, self.peer?);
        (moodify > 0.0).then(|| peer / moodify)
    }

    /// Whether Moodify met its target, where there is one.
    pub(crate) fn is_met(&self) -> Option<bool> {
        Some(self.moodify? <= self.target?)
    }
}

/// Every figure, in the order of reports: id, what it is, unit, target.
const ALL: [(&str, &str, &str, Option<f64>); 32] = [
    ("list_cpu", "List of 10 tracks with 20 signed URLs: CPU a request", "ms", Some(0.3)),
    ("list_p99", "… with 8 clients: p99", "ms", None),
    ("playlist_cpu", "Playlist of 50 tracks: CPU a request", "ms", Some(0.6)),
    ("playlist_p99", "… with 8 clients: p99", "ms", None),
    ("playlist10_cpu", "Playlist of 10 tracks: CPU a request", "ms", Some(0.3)),
    ("playlist10_p99", "… with 8 clients: p99", "ms", None),
    ("list_busy_cpu", "Answers of the database replayed: list of 10 tracks, CPU a request", "ms", Some(0.3)),
    ("playlist_busy_cpu", "… playlist of 50 tracks, CPU a request", "ms", Some(0.6)),
    ("playlist10_busy_cpu", "… playlist of 10 tracks, CPU a request", "ms", Some(0.3)),
    ("signup_cpu", "Sign-up: CPU a request", "ms", None),
    ("signup_rest_cpu", "… beyond the password hash", "ms", Some(1.0)),
    ("signup_p50", "… with 8 clients: p50", "ms", None),
    ("signup_p99", "… with 8 clients: p99", "ms", None),
    ("login_cpu", "Log-in: CPU a request", "ms", None),
    ("login_rest_cpu", "… beyond the password hash", "ms", Some(1.0)),
    ("login_p99", "… with 8 clients: p99", "ms", None),
    ("flood_live_p99", "64 clients flood log-in: p99 of /health/live", "ms", Some(100.0)),
    ("flood_growth", "… memory growth", "MB", None),
    ("upload_cpu", "Upload of 5 MB, 32 at once: CPU each", "ms", None),
    ("upload_growth", "… memory growth", "MB", Some(64.0)),
    ("upload_large_growth", "One upload of 100 MB: memory growth", "MB", Some(32.0)),
    ("catalogue_worst", "100,000 tracks against 1,000: CPU of the worst question", "×", Some(2.0)),
    ("socket_idle", "Idle socket: memory", "KB", Some(26.0)),
    ("socket_p99", "9,000 sockets, 1,000 commands/s: p99 to the other device", "ms", Some(5.0)),
    ("socket_cpu", "… CPU a command", "ms", None),
    ("socket_order", "2,000 commands from one socket: applied out of order", "", Some(0.0)),
    ("signup_down", "Sign-up with the broker away: p99, against p99 with it there", "×", Some(1.05)),
    ("relay_cpu", "10,000 events on their way to the broker: CPU each", "ms", Some(1.0)),
    ("relay_time", "… time each", "ms", None),
    ("consume_cpu", "… and handled by a consumer: CPU each", "ms", Some(1.0)),
    ("consume_time", "… time each, from the first one that left the outbox", "ms", None),
    ("idle_memory", "Memory of all its processes before any load", "MB", None),
];

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) machine: Machine,
    pub(crate) figures: Vec<Figure>,
    /// What each question costs in a small and in a large catalogue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) catalogue: Vec<Scaling>,
}

/// What a question costs in catalogues of two sizes, in milliseconds of CPU.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scaling {
    pub(crate) question: &'static str,
    pub(crate) small_cpu_ms: f64,
    pub(crate) large_cpu_ms: f64,
}

impl Figures {
    pub(crate) fn new(machine: Machine) -> Self {
        let figures =
            ALL.map(|(id, what, unit, target)| Figure { id, what, unit, target, moodify: None, peer: None });
        Self { machine, figures: figures.into(), catalogue: Vec::new() }
    }

    /// Notes a figure of a product.
    pub(crate) fn note(&mut self, id: &str, product: Product, value: f64) {
        if let Some(figure) = self.figures.iter_mut().find(|figure| figure.id == id) {
            match product {
                Product::Moodify => figure.moodify = Some(value),
                Product::Peer => figure.peer = Some(value),
            }
        }
    }
}
