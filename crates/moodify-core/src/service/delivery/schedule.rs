use std::time::Duration;

use crate::service::Context;

/// When a failed delivery is tried again: after the first, second, … failure. None is longer than
/// [`LONGEST_WAIT`](crate::model::LONGEST_WAIT), with what chance adds.
const RETRIES: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// An event that comes this often without a word of it in between ends its handler, or the whole
/// process, before an answer.
pub(super) const MAX_SILENT: u32 = 20;

/// How long to wait after so many failures before this one; `None` after the last. Up to a fifth is
/// added by chance, so that what failed together does not come back together.
pub(super) fn retry_after(failures: u32, context: &Context) -> Option<Duration> {
    let delay = *RETRIES.get(usize::try_from(failures).ok()?)?;
    let [chance] = context.random::<1>();
    Some(delay + delay * u32::from(chance) / (5 * 255))
}

/// Waits between attempts to reach something that is down: doubling, for ever.
pub(in crate::service) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(30);

    pub(in crate::service) fn new() -> Self {
        Self::up_to(Self::LONGEST)
    }

    /// No wait is longer than this.
    pub(super) fn up_to(longest: Duration) -> Self {
        Self { next: Self::FIRST, longest }
    }

    pub(in crate::service) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait
    }

    pub(super) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}
