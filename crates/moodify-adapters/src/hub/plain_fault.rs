//! A fault for the tests beside this.

use std::fmt;
use std::time::Duration;

use moodify_core::port::{SyncHubError, Unavailable};

use super::HubFault;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault(pub(super) &'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<Fault> for SyncHubError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(Unavailable::passing(fault.0))
    }
}

impl HubFault for Fault {
    fn lost() -> Self {
        Self("lost")
    }

    fn full() -> Self {
        Self("full")
    }

    fn silent(_: Duration, what: &'static str) -> Self {
        Self(what)
    }

    fn unreadable(what: &'static str) -> Self {
        Self(what)
    }

    fn unwritable(_: serde_json::Error) -> Self {
        Self("unwritable")
    }
}
