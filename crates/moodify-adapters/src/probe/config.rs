use std::path::PathBuf;

use super::ProbeLimits;

/// Where and how uploads are looked at.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// The folder uploads wait in; made if missing. It needs room for the largest upload as many
    /// times as there are uploads at once. Nothing else should be kept in it.
    pub staging: PathBuf,
    /// How many uploads are looked at at once; others wait. Default: one per processor.
    pub parallelism: usize,
    /// What looking at one file may cost.
    pub limits: ProbeLimits,
}

impl ProbeConfig {
    /// The defaults, with this staging folder.
    pub fn new(staging: impl Into<PathBuf>) -> Self {
        Self {
            staging: staging.into(),
            parallelism: std::thread::available_parallelism().map_or(1, Into::into),
            limits: ProbeLimits::default(),
        }
    }
}
