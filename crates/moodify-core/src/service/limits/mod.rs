//! How much one caller may ask for. `docs/adr/0009` says why it is built this way.

mod table;

use std::time::Duration;

use self::table::Table;
use super::Context;
use crate::Error;
use crate::config::LimitsConfig;
use crate::model::{AccountId, ClientNetwork, LogInSubject};

const MINUTE: Duration = Duration::from_secs(60);

/// The limits of this process, and what was spent of them. Each budget belongs to one caller;
/// nobody can spend another's.
pub struct Limits {
    context: Context,
    config: LimitsConfig,
    requests: Table,
    log_ins: Table,
    sign_ups: Table,
    mail_requests: Table,
}

/// Whose budget a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    /// Whoever holds a good access token, wherever they are.
    Account(AccountId),
    /// Anybody else from there.
    Network(ClientNetwork),
}

impl Limits {
    /// Nothing is spent yet.
    pub fn new(context: Context, config: LimitsConfig) -> Self {
        let table = |limit| Table::new(limit, MINUTE, context.random());
        Self {
            requests: table(config.requests_per_minute),
            log_ins: table(config.login_failures_per_minute),
            sign_ups: table(config.signup_per_minute),
            mail_requests: table(config.signup_per_minute),
            context,
            config,
        }
    }

    /// One request, whatever it asks for.
    ///
    /// # Errors
    /// [`Error::Busy`] if the requester has none left.
    pub fn request(&self, requester: Requester) -> Result<(), Error> {
        spend(self.requests.spend(&requester, self.context.now()))
    }

    /// One sign-up. Where nobody knows the network, there is no limit.
    ///
    /// # Errors
    /// [`Error::Busy`] if there were too many from there.
    pub fn sign_up(&self, from: Option<ClientNetwork>) -> Result<(), Error> {
        from.map_or(Ok(()), |from| spend(self.sign_ups.spend(&from, self.context.now())))
    }

    /// One request for a mail (a link to a new password, say) by somebody who need not be known.
    ///
    /// # Errors
    /// [`Error::Busy`] if there were too many from there.
    pub fn mail_request(&self, from: Option<ClientNetwork>) -> Result<(), Error> {
        from.map_or(Ok(()), |from| spend(self.mail_requests.spend(&from, self.context.now())))
    }

    pub(super) fn config(&self) -> &LimitsConfig {
        &self.config
    }

    /// One attempt to log in, given back when it succeeds: what is left over are the failures.
    pub(super) fn log_in(&self, here: LogInSubject) -> Result<(), Error> {
        spend(self.log_ins.spend(&here, self.context.now()))
    }

    pub(super) fn give_back_log_in(&self, here: LogInSubject) {
        self.log_ins.give_back(&here);
    }
}

fn spend(outcome: Result<(), Duration>) -> Result<(), Error> {
    outcome.map_err(|retry_after| Error::Busy { retry_after })
}
