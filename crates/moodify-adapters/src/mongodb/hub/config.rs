use std::time::Duration;

/// How processes share playback over a MongoDB database.
#[derive(Clone, Debug)]
pub struct MongoSyncConfig {
    /// How long the database may take for one answer: somebody waits for it with a finger on a button. Default: 3 s.
    pub timeout: Duration,
    /// How long a process that says nothing counts as alive; its devices as connected. At least three times the
    /// time-out is sensible. Default: 10 s.
    pub lease: Duration,
}

impl Default for MongoSyncConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3), lease: Duration::from_secs(10) }
    }
}
