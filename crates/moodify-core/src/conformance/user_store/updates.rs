//! Changing accounts, and taking them away.

use futures::future::join_all;

use super::{UserStoreFixture, revoked, revoked_by, unchanged};
use crate::conformance::{outbox::waiting, samples};
use crate::model::account::ArtistProfile;
use crate::model::{
    Account, AccountUpdate, ArtistName, EndedSessions, EventKind, MailTokenPurpose, PasswordChange,
    PasswordHash, PersonName,
};

fn hash() -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ${}", samples::word()))
}

/// Everything that can change does, the revision counts up, the events are stored, and nobody else's
/// account changes.
pub async fn update_changes_what_it_names(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    let (other, _) = fixture.signed_up().await;
    let changed = Account {
        email_verified: true,
        first_name: PersonName::parse("Grace").unwrap(),
        last_name: PersonName::parse("Höpper").unwrap(),
        artist: Some(ArtistProfile { id: samples::id(), name: ArtistName::parse("夜").unwrap() }),
        ..account.clone()
    };
    let (password, events) = (hash(), samples::events());
    let update =
        AccountUpdate { password: PasswordChange::Replace(password.clone()), ..unchanged(&changed, 0) };
    fixture.change(&update, &events).await;

    let found = fixture.stored(&account).await.expect("the account");
    assert_eq!((found.account, found.password_hash, found.revision), (changed, Some(password), 1));
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);
    let found = fixture.stored(&other).await.expect("the other account");
    assert_eq!((found.account, found.revision), (other, 0));
}

/// Without a new hash the old one stays.
pub async fn update_keeps_the_password_unless_told(fixture: &UserStoreFixture) {
    let new = samples::account();
    fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
    fixture.change(&unchanged(&new.account, 0), &[]).await;
    let by_email = fixture.store.credentials(&new.account.email).await.unwrap().expect("the account");
    assert_eq!((by_email.password_hash, by_email.revision), (new.password_hash, 1));
}

/// A change that was made from another revision is refused, with all that belongs to it.
pub async fn update_from_another_revision_changes_nothing(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    let token = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    assert!(fixture.store.store_mail_token(&token, samples::moment(), &[]).await.unwrap());
    let event = samples::event(EventKind::AccountUpdated);
    let update = AccountUpdate {
        account: Account { email_verified: true, ..account.clone() },
        password: PasswordChange::Replace(hash()),
        spends: Some(token.hash),
        ends: EndedSessions::All,
        ..unchanged(&account, 1)
    };
    let events = std::slice::from_ref(&event);
    assert!(!fixture.store.update_account(&update, events, &revoked).await.unwrap());
    let found = fixture.stored(&account).await.expect("the account");
    assert_eq!((found.account, found.revision), (account, 0));
    assert_eq!(fixture.store.session(session.id).await.unwrap(), Some(session));
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), Some(token));
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// There is nothing to change in an account that never was.
pub async fn update_of_nobody_is_false(fixture: &UserStoreFixture) {
    let update = unchanged(&samples::account().account, 0);
    let event = samples::event(EventKind::AccountUpdated);
    let events = std::slice::from_ref(&event);
    assert!(!fixture.store.update_account(&update, events, &revoked).await.unwrap());
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// A change ends all sessions, or all but one, or none, and tells of each that ended after its own
/// events. Sessions of others stay.
pub async fn update_ends_the_sessions_it_names(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let (second, third) = (fixture.log_in(&account).await, fixture.log_in(&account).await);
    let (_, foreign) = fixture.signed_up().await;
    let all = [&first, &second, &third, &foreign];
    let changes = [
        (EndedSessions::None, vec![first.id, second.id, third.id, foreign.id], vec![]),
        (EndedSessions::AllBut(second.id), vec![second.id, foreign.id], vec![first.id, third.id]),
        (EndedSessions::All, vec![foreign.id], vec![second.id]),
        (EndedSessions::All, vec![foreign.id], vec![]),
    ];
    for (revision, (ends, left, told)) in (0..).zip(changes) {
        let own = samples::event(EventKind::PasswordChanged);
        let update = AccountUpdate { ends, ..unchanged(&account, revision) };
        fixture.change(&update, std::slice::from_ref(&own)).await;
        assert_eq!(fixture.remaining(&all).await, left);
        let stored = fixture.outbox.lease(100, samples::moment(), std::time::Duration::ZERO).await.unwrap();
        assert_eq!(stored[0], own);
        assert_eq!(revoked_by(&stored), told);
        fixture.outbox.mark_published(&samples::event_ids(&stored)).await.unwrap();
    }
}

/// However many sessions there are, each is told of.
pub async fn update_ends_many_sessions(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let mut ids = vec![first.id];
    for _ in 0..1_200 {
        let session = samples::session(&account);
        assert!(fixture.store.create_session(&session, 0).await.unwrap());
        ids.push(session.id);
    }
    fixture.change(&AccountUpdate { ends: EndedSessions::All, ..unchanged(&account, 0) }, &[]).await;
    let told = fixture.outbox.lease(10_000, samples::moment(), std::time::Duration::ZERO).await.unwrap();
    assert_eq!(revoked_by(&told), ids);
    assert_eq!(fixture.remaining(&[&first]).await, []);
}

/// A token that is used up works once.
pub async fn update_spends_a_token_once(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let token = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    assert!(fixture.store.store_mail_token(&token, samples::moment(), &[]).await.unwrap());
    let update = AccountUpdate { spends: Some(token.hash), ..unchanged(&account, 0) };
    fixture.change(&update, &[]).await;
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), None);
    let again = AccountUpdate { revision: 1, ..update };
    assert!(!fixture.store.update_account(&again, &[], &revoked).await.unwrap());
    assert_eq!(fixture.stored(&account).await.expect("the account").revision, 1);
}

/// The token of another account, or one that never was, changes nothing; the other's stays.
pub async fn update_with_a_foreign_token_changes_nothing(fixture: &UserStoreFixture) {
    let ((account, session), (other, _)) = (fixture.signed_up().await, fixture.signed_up().await);
    let token = samples::mail_token(&other, MailTokenPurpose::ResetPassword);
    assert!(fixture.store.store_mail_token(&token, samples::moment(), &[]).await.unwrap());
    let unknown = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    for hash in [token.hash, unknown.hash] {
        let event = samples::event(EventKind::PasswordChanged);
        let update = AccountUpdate { spends: Some(hash), ends: EndedSessions::All, ..unchanged(&account, 0) };
        let events = std::slice::from_ref(&event);
        assert!(!fixture.store.update_account(&update, events, &revoked).await.unwrap());
        assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
    }
    assert_eq!(fixture.stored(&account).await.expect("the account").revision, 0);
    assert_eq!(fixture.remaining(&[&session]).await, [session.id]);
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), Some(token));
}

/// Tokens for the purposes that a change names stop working; others, and other people's, go on.
pub async fn update_voids_tokens(fixture: &UserStoreFixture) {
    let ((account, _), (other, _)) = (fixture.signed_up().await, fixture.signed_up().await);
    let reset = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    let verify = samples::mail_token(&account, MailTokenPurpose::VerifyEmail);
    let foreign = samples::mail_token(&other, MailTokenPurpose::ResetPassword);
    for token in [&reset, &verify, &foreign] {
        assert!(fixture.store.store_mail_token(token, samples::moment(), &[]).await.unwrap());
    }
    let voids = vec![MailTokenPurpose::ResetPassword];
    fixture.change(&AccountUpdate { voids, ..unchanged(&account, 0) }, &[]).await;
    assert_eq!(fixture.store.mail_token(reset.hash).await.unwrap(), None);
    assert_eq!(fixture.store.mail_token(verify.hash).await.unwrap(), Some(verify));
    assert_eq!(fixture.store.mail_token(foreign.hash).await.unwrap(), Some(foreign));
}

/// Of twenty concurrent changes from one revision exactly one succeeds, and stays.
pub async fn concurrent_updates_let_one_win(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let calls = (0..20).map(|n| {
        let (store, mut account) = (fixture.store.clone(), account.clone());
        account.first_name = PersonName::parse(&format!("Ada {n}")).unwrap();
        tokio::spawn(async move {
            let event = samples::event(EventKind::AccountUpdated);
            let (update, events) = (unchanged(&account, 0), std::slice::from_ref(&event));
            (store.update_account(&update, events, &revoked).await.unwrap(), account, event)
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let events: Vec<_> = answers.iter().map(|(_, _, event)| event.clone()).collect();
    let winners: Vec<_> = answers.into_iter().filter(|(won, ..)| *won).collect();
    let [(_, winner, event)] = winners.as_slice() else { panic!("{} changes won", winners.len()) };
    let found = fixture.stored(&account).await.expect("the account");
    assert_eq!((&found.account, found.revision), (winner, 1));
    assert_eq!(waiting(&*fixture.outbox, &events).await, std::slice::from_ref(event));
}

/// Of twenty concurrent uses of one token exactly one succeeds, whatever revision each began from.
pub async fn concurrent_spending_lets_one_win(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let token = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    assert!(fixture.store.store_mail_token(&token, samples::moment(), &[]).await.unwrap());
    let calls = (0..20).map(|_| {
        let (store, account, hash) = (fixture.store.clone(), account.clone(), token.hash);
        tokio::spawn(async move {
            let mut won = 0;
            // As long as there is a hope that only the revision was wrong.
            for _ in 0..3 {
                let revision = store.credentials_of(account.id).await.unwrap().expect("it").revision;
                let update = AccountUpdate { spends: Some(hash), ..unchanged(&account, revision) };
                won += usize::from(store.update_account(&update, &[], &revoked).await.unwrap());
            }
            won
        })
    });
    let won: usize = join_all(calls).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(won, 1);
    assert_eq!(fixture.stored(&account).await.expect("the account").revision, 1);
}

/// Log-ins that race with a change that ends all sessions: those before it are ended and told of,
/// those after it are refused. None slips through.
pub async fn no_session_survives_the_end_of_all(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let log_ins = (0..30).map(|_| {
        let (store, session) = (fixture.store.clone(), samples::session(&account));
        tokio::spawn(async move { store.create_session(&session, 0).await.unwrap().then_some(session.id) })
    });
    let log_ins: Vec<_> = log_ins.collect();
    let update = AccountUpdate { ends: EndedSessions::All, ..unchanged(&account, 0) };
    fixture.change(&update, &[]).await;
    let mut stored = vec![first.id];
    for log_in in join_all(log_ins).await {
        stored.extend(log_in.unwrap());
    }
    stored.sort_unstable();
    for id in &stored {
        assert_eq!(fixture.store.session(*id).await.unwrap(), None);
    }
    let told = fixture.outbox.lease(100, samples::moment(), std::time::Duration::ZERO).await.unwrap();
    assert_eq!(revoked_by(&told), stored);
}

/// A hash is replaced only if it is the one that the better one was made from; the revision stays.
pub async fn better_hash_replaces_the_one_it_was_made_from(fixture: &UserStoreFixture) {
    let new = samples::account();
    fixture.store.create_account(&new, &samples::session(&new.account), &[]).await.unwrap();
    let (id, old, better) = (new.account.id, new.password_hash.unwrap(), hash());
    assert!(!fixture.store.replace_password_hash(id, &better, &hash()).await.unwrap());
    assert!(!fixture.store.replace_password_hash(samples::id(), &old, &better).await.unwrap());
    assert!(fixture.store.replace_password_hash(id, &old, &better).await.unwrap());
    assert!(!fixture.store.replace_password_hash(id, &old, &hash()).await.unwrap());
    let found = fixture.stored(&new.account).await.expect("the account");
    assert_eq!((found.password_hash, found.revision), (Some(better), 0));
}

/// With an account go its sessions and tokens, its events are stored, and its address is free.
pub async fn deleted_account_is_gone(fixture: &UserStoreFixture) {
    let ((account, first), (other, foreign)) = (fixture.signed_up().await, fixture.signed_up().await);
    let second = fixture.log_in(&account).await;
    let token = samples::mail_token(&account, MailTokenPurpose::ResetPassword);
    assert!(fixture.store.store_mail_token(&token, samples::moment(), &[]).await.unwrap());
    let events = samples::events();
    assert!(fixture.store.delete_account(account.id, 0, &events).await.unwrap());

    assert_eq!(fixture.store.account(account.id).await.unwrap(), None);
    assert!(fixture.store.credentials(&account.email).await.unwrap().is_none());
    assert_eq!(fixture.remaining(&[&first, &second, &foreign]).await, [foreign.id]);
    assert_eq!(fixture.store.mail_token(token.hash).await.unwrap(), None);
    assert_eq!(fixture.store.account(other.id).await.unwrap(), Some(other));
    assert_eq!(waiting(&*fixture.outbox, &events).await, events);

    let mut again = samples::account();
    again.account.email = account.email;
    fixture.store.create_account(&again, &samples::session(&again.account), &[]).await.unwrap();
}

/// An account that has changed since is not deleted.
pub async fn deletion_from_another_revision_changes_nothing(fixture: &UserStoreFixture) {
    let (account, session) = fixture.signed_up().await;
    let event = samples::event(EventKind::AccountDeleted);
    let events = std::slice::from_ref(&event);
    assert!(!fixture.store.delete_account(account.id, 1, events).await.unwrap());
    assert_eq!(fixture.store.account(account.id).await.unwrap(), Some(account));
    assert_eq!(fixture.remaining(&[&session]).await, [session.id]);
    assert!(waiting(&*fixture.outbox, &[event]).await.is_empty());
}

/// The second deletion is `false` and stores no event.
pub async fn deleting_twice_stores_events_once(fixture: &UserStoreFixture) {
    let (account, _) = fixture.signed_up().await;
    let (first, second) =
        (samples::event(EventKind::AccountDeleted), samples::event(EventKind::AccountDeleted));
    assert!(fixture.store.delete_account(account.id, 0, std::slice::from_ref(&first)).await.unwrap());
    assert!(!fixture.store.delete_account(account.id, 0, std::slice::from_ref(&second)).await.unwrap());
    assert_eq!(waiting(&*fixture.outbox, &[first.clone(), second]).await, [first]);
}

/// Log-ins and mails that race with a deletion leave nothing behind, and none of them fails.
pub async fn no_session_survives_the_account(fixture: &UserStoreFixture) {
    let (account, first) = fixture.signed_up().await;
    let log_ins = (0..30).map(|n| {
        let (store, account) = (fixture.store.clone(), account.clone());
        tokio::spawn(async move {
            let session = samples::session(&account);
            store.create_session(&session, 0).await.unwrap();
            let token = samples::mail_token(&account, MailTokenPurpose::ALL[n % 2]);
            store.store_mail_token(&token, samples::moment(), &[]).await.unwrap();
            (session.id, token.hash)
        })
    });
    let log_ins: Vec<_> = log_ins.collect();
    assert!(fixture.store.delete_account(account.id, 0, &[]).await.unwrap());
    for log_in in join_all(log_ins).await {
        let (session, token) = log_in.unwrap();
        assert_eq!(fixture.store.session(session).await.unwrap(), None);
        assert_eq!(fixture.store.mail_token(token).await.unwrap(), None);
    }
    assert_eq!(fixture.remaining(&[&first]).await, []);
}
