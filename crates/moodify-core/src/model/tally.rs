//! Counting failed log-ins.

use std::fmt;

use jiff::Timestamp;

/// Whose failed log-ins are counted together: a keyed hash of an e-mail address, or of one and a
/// network. Stores learn neither, and unknown addresses are counted like known ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogInSubject(pub [u8; 32]);

impl fmt::Debug for LogInSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogInSubject(…)")
    }
}

/// The failed log-ins of one subject since its last good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogInTally {
    /// How many, one after the other.
    pub failures: u32,
    /// No log-in is tried before this moment; the epoch when none is kept waiting.
    pub blocked_until: Timestamp,
    /// When all of it is forgotten.
    pub expires_at: Timestamp,
}

/// How one more failure counts.
#[derive(Clone, Copy, Debug)]
pub struct TallyRule {
    /// The moment of the failure.
    pub now: Timestamp,
    /// From this many failures on the subject is blocked; at least 1.
    pub max_failures: u32,
    /// Until when, if it is.
    pub blocked_until: Timestamp,
    /// When the count is forgotten; never earlier than it would have been anyway.
    pub expires_at: Timestamp,
}

impl LogInTally {
    /// The tally after one more failure; `None`, and nothing is counted, while it is blocked. A
    /// forgotten tally starts anew.
    pub fn one_more(known: Option<Self>, rule: &TallyRule) -> Option<Self> {
        let known = known.filter(|known| rule.now < known.expires_at);
        if known.is_some_and(|known| rule.now < known.blocked_until) {
            return None;
        }
        let failures = known.map_or(0, |known| known.failures).saturating_add(1);
        let blocked = failures >= rule.max_failures;
        Some(Self {
            failures,
            blocked_until: if blocked { rule.blocked_until } else { Timestamp::UNIX_EPOCH },
            expires_at: known.map_or(rule.expires_at, |known| known.expires_at.max(rule.expires_at)),
        })
    }
}
