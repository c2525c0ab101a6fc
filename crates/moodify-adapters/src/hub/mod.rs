//! What every hub of many processes does, whatever carries its words: the connections of this process come
//! first, in the same order as what goes out; what waits to go out has a bound; and what one process writes, the
//! others read.

mod here;
mod link;
mod outbox;
#[cfg(test)]
mod plain_fault;
mod tasks;
mod wire;

use std::fmt;
use std::time::Duration;

use moodify_core::port::SyncHubError;

pub(crate) use here::Here;
pub(crate) use link::Link;
pub(crate) use outbox::{Carrier, Outgoing, publisher};
pub(crate) use tasks::Tasks;
pub(crate) use wire::{Message, Record};

/// The longest wait before a server is tried again: devices wait for it.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What went wrong, in the words of a technology. Everybody who waits for the same thing gets it.
pub(crate) trait HubFault: Clone + fmt::Display + Into<SyncHubError> + Send + Sync + 'static {
    /// There is no connection.
    fn lost() -> Self;

    /// More waits to go out than there is room for.
    fn full() -> Self;

    /// No answer came in this time to that.
    fn silent(patience: Duration, what: &'static str) -> Self;

    /// What was found there is not ours.
    fn unreadable(what: &'static str) -> Self;

    /// Something cannot be written as JSON.
    fn unwritable(error: serde_json::Error) -> Self;
}
