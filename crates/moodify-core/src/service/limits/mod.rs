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
    networks: Table,
    log_ins: Table,
    sign_ups: Table,
    mail_requests: Table,
}

/// Whose budget a request is taken from.
#[derive(Hash)]
enum Requester {
    /// Whoever holds a good access token, wherever they are.
    Account(AccountId),
    /// Anybody else from there.
    Network(ClientNetwork),
}

/// How many accounts may spend all they have from one network at the same time: a household, a dormitory.
/// Whoever makes more accounts there gets no more requests by that.
const ACCOUNTS_OF_A_NETWORK: u32 = 10;

impl Limits {
    /// Nothing is spent yet.
    pub fn new(context: Context, config: LimitsConfig) -> Self {
        let table = |limit| Table::new(limit, MINUTE, context.random());
        Self {
            requests: table(config.requests_per_minute),
            networks: table(config.requests_per_minute.saturating_mul(ACCOUNTS_OF_A_NETWORK)),
            log_ins: table(config.login_failures_per_minute),
            sign_ups: table(config.signup_per_minute),
            mail_requests: table(config.signup_per_minute),
            context,
            config,
        }
    }

    /// One request of this account, or else of anybody at this network, whatever it asks for. All from
    /// one network share a larger budget beside that. Where nobody knows either, there is no limit.
    ///
    /// # Errors
    /// [`Error::Busy`] if one of them has none left.
    pub fn request(&self, account: Option<AccountId>, from: Option<ClientNetwork>) -> Result<(), Error> {
        let now = self.context.now();
        let own = account.map(Requester::Account).or(from.map(Requester::Network));
        // In this order: who has nothing left takes nothing from the neighbours.
        own.as_ref().map_or(Ok(()), |own| spend(self.requests.spend(own, now)))?;
        let shared = from.map_or(Ok(()), |from| spend(self.networks.spend(&from, now)));
        if let (Err(_), Some(own)) = (&shared, &own) {
            self.requests.give_back(own);
        }
        shared
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
