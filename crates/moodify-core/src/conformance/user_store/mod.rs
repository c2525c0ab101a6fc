//! Holds a [`UserStore`] to its contract.

mod accounts;
mod expiry;
mod identities;
mod imports;
mod mail_tokens;
mod sessions;
mod updates;

pub use accounts::*;
pub use expiry::*;
pub use identities::*;
pub use imports::*;
pub use mail_tokens::*;
pub use sessions::*;
pub use updates::*;

use std::{any::Any, sync::Arc};

use super::{Keep, samples};
use crate::model::event::SessionRevoked;
use crate::model::{
    Account, AccountUpdate, Credentials, EndedSessions, Event, EventKind, EventPayload, PasswordChange,
    Session, SessionId,
};
use crate::port::{Outbox, UserStore};

/// An empty store, and the outbox that its writes append to.
pub struct UserStoreFixture {
    /// The store under test.
    pub store: Arc<dyn UserStore>,
    /// Its outbox.
    pub outbox: Arc<dyn Outbox>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl UserStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn UserStore>, outbox: Arc<dyn Outbox>, keep: impl Any + Send + Sync) -> Self {
        Self { store, outbox, keep: Box::new(keep) }
    }

    async fn signed_up(&self) -> (Account, Session) {
        let new = samples::account();
        let session = samples::session(&new.account);
        self.store.create_account(&new, &session, &[]).await.unwrap();
        (new.account, session)
    }

    /// Another session of this account.
    async fn log_in(&self, account: &Account) -> Session {
        let session = samples::session(account);
        let revision = self.stored(account).await.expect("the account").revision;
        assert!(self.store.create_session(&session, revision).await.unwrap());
        session
    }

    async fn stored(&self, account: &Account) -> Option<Credentials> {
        self.store.credentials_of(account.id).await.unwrap()
    }

    /// Which of these sessions are there.
    async fn remaining(&self, sessions: &[&Session]) -> Vec<SessionId> {
        let mut found = Vec::new();
        for session in sessions {
            found.extend(self.store.session(session.id).await.unwrap().map(|session| session.id));
        }
        found
    }

    /// Applies a change that is expected to succeed.
    async fn change(&self, update: &AccountUpdate, events: &[Event]) {
        assert!(self.store.update_account(update, events, &revoked).await.unwrap());
    }
}

/// The account as it is, from this revision on.
fn unchanged(account: &Account, revision: u32) -> AccountUpdate {
    AccountUpdate {
        account: account.clone(),
        revision,
        password: PasswordChange::Keep,
        links: None,
        spends: None,
        voids: Vec::new(),
        ends: EndedSessions::None,
    }
}

/// Tells of the end of a session, whoever's it is.
fn revoked(session_id: SessionId) -> Event {
    let mut event = samples::event(EventKind::SessionRevoked);
    event.payload = EventPayload::SessionRevoked(SessionRevoked { account_id: samples::id(), session_id });
    event
}

/// Which sessions these events say have ended.
fn revoked_by(events: &[Event]) -> Vec<SessionId> {
    let revoked = events.iter().filter_map(|event| match &event.payload {
        EventPayload::SessionRevoked(revoked) => Some(revoked.session_id),
        _ => None,
    });
    let mut revoked: Vec<_> = revoked.collect();
    revoked.sort_unstable();
    revoked
}

/// Makes a module of named tests that hold a store to the contract of
/// [`UserStore`](crate::port::UserStore).
#[macro_export]
macro_rules! user_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            user_store,
            $name,
            $fixture,
            [
                created_account_is_found,
                created_artist_is_found,
                the_longest_texts_survive,
                unknown_account_is_none,
                creating_stores_all_events,
                duplicate_email_conflicts,
                addresses_are_compared_exactly,
                concurrent_sign_ups_store_one_account,
                concurrent_sign_ups_of_different_people_all_succeed,
                imported_account_is_found,
                importing_stores_the_token,
                importing_twice_stores_it_once,
                import_of_a_taken_email_conflicts,
                signing_up_with_an_imported_email_conflicts,
                concurrent_imports_store_one_account,
                imported_identity_is_found,
                created_session_is_found,
                session_of_nobody_is_refused,
                unknown_session_is_none,
                expired_session_is_returned_as_it_is,
                rotation_replaces_the_token,
                rotation_from_another_generation_changes_nothing,
                rotation_counts_far,
                rotation_of_no_session_is_false,
                concurrent_rotations_let_one_win,
                ended_session_is_gone,
                ending_twice_stores_events_once,
                ending_no_session_stores_nothing,
                concurrent_ends_store_events_once,
                session_of_another_revision_is_refused,
                sessions_are_listed_newest_first,
                sessions_are_listed_in_pages,
                random_pages_of_sessions_are_whole,
                only_live_sessions_are_listed,
                update_changes_what_it_names,
                update_keeps_the_password_unless_told,
                update_from_another_revision_changes_nothing,
                update_of_nobody_is_false,
                update_ends_the_sessions_it_names,
                update_ends_many_sessions,
                update_spends_a_token_once,
                update_with_a_foreign_token_changes_nothing,
                update_voids_tokens,
                concurrent_updates_let_one_win,
                concurrent_spending_lets_one_win,
                no_session_survives_the_end_of_all,
                better_hash_replaces_the_one_it_was_made_from,
                deleted_account_is_gone,
                deletion_from_another_revision_changes_nothing,
                deleting_twice_stores_events_once,
                no_session_survives_the_account,
                signing_up_stores_the_token,
                token_replaces_the_older_one,
                token_too_soon_changes_nothing,
                token_of_nobody_is_false,
                unknown_token_is_none,
                concurrent_tokens_store_one,
                expired_sessions_are_removed,
                expired_tokens_are_removed,
                removing_stops_at_the_most,
                created_identity_is_found,
                identities_are_compared_exactly,
                the_longest_identity_survives,
                update_links_an_identity,
                removed_password_is_gone,
                taken_identity_changes_nothing,
                an_account_has_one_identity_of_an_issuer,
                identity_goes_with_its_account,
                concurrent_sign_ups_of_one_identity_store_one_account,
                concurrent_links_of_one_identity_let_one_win,
            ]
        );
    };
}
