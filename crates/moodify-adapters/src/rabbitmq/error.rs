//! What may go wrong with a broker, in words for whoever runs it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use moodify_core::port::{QueueError, Unavailable};

/// Why the broker did not do what it was asked. What to do about it stands after the last semicolon.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The log-in is wrong.
    #[error("the broker at {host} refuses the log-in of {user}; correct user and password in the URL")]
    LogIn { host: String, user: String },
    /// The virtual host is not there, or not for this user.
    #[error(
        "the broker at {host} does not let {user} into the virtual host {vhost} ({source}); create it with `rabbitmqctl add_vhost`, and let the user in with `rabbitmqctl set_permissions`"
    )]
    VirtualHost { host: String, user: String, vhost: String, source: Box<lapin::Error> },
    /// Whoever answers does not prove to be the broker.
    #[error(
        "the broker at {host} is not trusted ({source}); set rabbitmq.ca_file to the authority that signed its certificate"
    )]
    Certificate { host: String, source: Box<lapin::Error> },
    /// It cannot be connected to.
    #[error(
        "the broker at {host} is out of reach ({source}); see whether it runs, and whether the URL is right"
    )]
    OutOfReach { host: String, source: Box<lapin::Error> },
    /// What is there is not what was to be declared.
    #[error(
        "what is there was declared otherwise ({0}); delete it when it is empty, or set another rabbitmq.prefix"
    )]
    OtherTopology(Box<lapin::Error>),
    /// The user may not do it.
    #[error(
        "the user may not do this ({0}); give it the rights to configure, write and read, with `rabbitmqctl set_permissions`"
    )]
    NotPermitted(Box<lapin::Error>),
    /// It gave no answer in time.
    #[error(
        "no answer from the broker within {0:?} to: {1}; see whether an alarm holds it up (`rabbitmqctl status`)"
    )]
    Silent(Duration, &'static str),
    /// It has no room.
    #[error(
        "the broker takes no messages because of an alarm (memory or disk); make room, see `rabbitmqctl status`"
    )]
    Alarm,
    /// It is gone, or not quite there yet.
    #[error("there is no such queue")]
    NoQueue,
    /// Another connection has it for itself.
    #[error("another connection has this queue for itself; see `rabbitmqctl list_queues name owner_pid`")]
    Taken,
    /// The message did not become durable.
    #[error("the broker did not keep a message; see its log")]
    NotKept,
    /// A consumer of this kind is declared, and still no queue takes it.
    #[error("no queue of the broker takes events of the kind {0}; see `rabbitmqctl list_bindings`")]
    Unroutable(&'static str),
    /// The delivery was the broker's again before it was settled.
    #[error("the connection broke before this was settled: it comes again")]
    Lost,
    /// Somebody else does what only one may do at a time.
    #[error("another process holds {0} for more than {1:?}; see `rabbitmqctl list_queues name owner_pid`")]
    Locked(String, Duration),
    /// An event that cannot be written as JSON.
    #[error("an event cannot be written as JSON")]
    Encode(#[source] Arc<serde_json::Error>),
    /// Anything else that the broker or the driver says.
    #[error("the broker did not {0}: {1}")]
    Refused(&'static str, Box<lapin::Error>),
}

impl Fault {
    /// What the broker said when it was asked to do this.
    pub(super) fn refused(what: &'static str, error: lapin::Error) -> Self {
        match amqp(&error) {
            Some(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)) => Self::NotPermitted(error.into()),
            Some(AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)) => Self::NoQueue,
            _ => Self::Refused(what, error.into()),
        }
    }

    /// What the broker said when something was to be declared.
    pub(super) fn declaring(error: lapin::Error) -> Self {
        match amqp(&error) {
            Some(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) => Self::OtherTopology(error.into()),
            Some(AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED)) => Self::Taken,
            _ => Self::refused("declare a queue", error),
        }
    }

    /// Whether the same may work later without anybody changing anything.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::OutOfReach { .. }
            | Self::Silent(..)
            | Self::Alarm
            | Self::NoQueue
            | Self::NotKept
            | Self::Taken
            | Self::Lost
            | Self::Locked(..) => true,
            // A connection that broke is another matter than a message that is too large.
            Self::Refused(_, error) => !matches!(amqp(error), Some(AMQPErrorKind::Soft(_))),
            _ => false,
        }
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.is_passing() { Self::passing(fault) } else { Self::lasting(fault) }
    }
}

impl From<Fault> for QueueError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.into())
    }
}

/// What the broker itself said, if it was the broker.
pub(super) fn amqp(error: &lapin::Error) -> Option<&AMQPErrorKind> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.kind()),
        _ => None,
    }
}

/// Whether TLS was begun and failed: the library says so in no better way.
pub(super) fn is_certificate(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if error.kind() == io::ErrorKind::InvalidData)
}

/// Whether user and password are not a pair.
pub(super) fn is_log_in(error: &lapin::Error) -> bool {
    matches!(amqp(error), Some(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)))
}

/// Whether the virtual host is not there, or closed to this user.
pub(super) fn is_virtual_host(error: &lapin::Error) -> bool {
    matches!(amqp(error), Some(AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)))
}
