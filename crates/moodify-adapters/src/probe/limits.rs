use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What looking at one file may cost, and what a file may claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeLimits {
    /// Time on the wall before a look is given up. Default 10 s: a busy machine shares its
    /// processors, [`Self::cpu_seconds`] is the tighter limit.
    pub wall_time: Duration,
    /// Processor time of a child process, in seconds. Default 2.
    pub cpu_seconds: u64,
    /// Address space of a child process, in bytes. Default 256 MiB.
    pub address_space: u64,
    /// How much sound of one file is decoded. A file that plays longer is still walked through
    /// frame by frame from start to end, and decoded in stretches spread evenly over it; so a long
    /// file costs no more than this one. Default 20 min.
    pub decoded: Duration,
    /// Longest sound. Default 24 h.
    pub max_duration: Duration,
    /// Most pixels on one side of a picture. Default 10,000.
    pub max_side: u32,
    /// Most pixels of a picture. Default 40 million.
    pub max_pixels: u64,
    /// Largest embedded cover, in bytes; a larger one is left out. Default 10 MB.
    pub max_embedded_cover: u64,
}

impl Default for ProbeLimits {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            wall_time: Duration::from_secs(10),
            cpu_seconds: 2,
            address_space: 256 << 20,
            decoded: 20 * MINUTE,
            max_duration: 24 * 60 * MINUTE,
            max_side: 10_000,
            max_pixels: 40_000_000,
            max_embedded_cover: 10_000_000,
        }
    }
}

impl ProbeLimits {
    /// What decoded pixels may take, in bytes; the rest is for the parser and the program itself.
    pub(super) fn decode_memory(&self) -> u64 {
        self.address_space / 3 * 2
    }
}
