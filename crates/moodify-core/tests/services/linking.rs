//! Whose account it is when somebody comes from an identity provider: every way to get into another
//! one's is tried.

use futures::future::{join, join_all};
use moodify_core::model::{Email, EventPayload, Identity, MailToken, Role};
use moodify_core::port::{UserStore, VerifiedIdentity};
use moodify_core::service::accounts::{Callback, FederatedSignIn, LogIn, SignedIn};
use moodify_core::{AuthFailure, Error};

use crate::world::{PASSWORD, World, refresh_token};

const ISSUER: &str = "https://issuer.example";
const ADA: &str = "ada@example.com";

/// Somebody of whom the issuer says that this is their address.
fn person(subject: &str, email: &str) -> VerifiedIdentity {
    VerifiedIdentity {
        identity: Identity::new(ISSUER, subject).unwrap(),
        email: Some(email.to_owned()),
        email_verified: true,
        given_name: Some("Ada".to_owned()),
        family_name: Some("Lovelace".to_owned()),
        name: None,
    }
}

/// A browser that comes back with this code.
async fn sign_in_with(world: &World, code: &str, role: Role) -> Result<SignedIn, Error> {
    let redirect_uri = "https://moodify.example/callback".parse().unwrap();
    let pending = world.moodify.accounts().begin_federated(&redirect_uri).await.unwrap().pending;
    let state = Some(pending.state.clone());
    let callback = Callback { state, code: Some(code.to_owned().into()), error: None, issuer: None };
    let sign_in = FederatedSignIn { pending, redirect_uri, callback, role, user_agent: None, from: None };
    world.moodify.accounts().finish_federated(&sign_in).await
}

async fn arrives_as(world: &World, person: &VerifiedIdentity, role: Role) -> Result<SignedIn, Error> {
    world.google.give("code", person.clone());
    sign_in_with(world, "code", role).await
}

async fn arrives(world: &World, person: &VerifiedIdentity) -> Result<SignedIn, Error> {
    arrives_as(world, person, Role::User).await
}

async fn log_in(world: &World, email: &str) -> Result<SignedIn, Error> {
    let (email, password) = (email.to_owned(), PASSWORD.to_owned());
    let request = LogIn { email, password, role: Role::User, user_agent: None, from: None };
    world.moodify.accounts().log_in(request).await
}

/// The link in the mail that proves the mailbox.
async fn link(world: &World) -> MailToken {
    let asked = world.news().await.into_iter().find_map(|payload| match payload {
        EventPayload::EmailVerificationRequested(asked) => Some(asked.token),
        _ => None,
    });
    asked.expect("a link")
}

#[track_caller]
fn assert_refused(result: Result<SignedIn, Error>, expected: &str) {
    match result {
        Err(Error::Forbidden { code, .. } | Error::Conflict { code, .. }) => assert_eq!(code, expected),
        other => panic!("{other:?} instead of {expected}"),
    }
}

async fn is_linked(world: &World, person: &VerifiedIdentity) -> bool {
    world.store.credentials_of_identity(&person.identity).await.unwrap().is_some()
}

/// The attacker signs up with the victim's address and waits. When the owner comes, nothing of what the
/// attacker holds works any more.
#[tokio::test]
async fn who_registered_anothers_address_loses_all_when_its_owner_comes() {
    let world = World::new();
    let attacker = world.sign_up(ADA).await;
    let caller = world.caller(&attacker).await;
    let verify = link(&world).await;
    world.moodify.accounts().forgot_password(ADA.parse().unwrap()).await.unwrap();
    let reset = world.news().await.into_iter().find_map(|payload| match payload {
        EventPayload::PasswordResetRequested(asked) => Some(asked.token),
        _ => None,
    });

    let owner = arrives(&world, &person("1", ADA)).await.unwrap();
    assert_eq!(owner.account.id, attacker.account.id, "one address, one account");
    assert!(owner.account.email_verified);
    let news = world.news().await;
    let revoked = news.iter().filter(
        |told| matches!(told, EventPayload::SessionRevoked(ended) if ended.session_id == caller.session_id),
    );
    assert_eq!(revoked.count(), 1, "{news:?}");
    assert!(news.iter().any(|told| matches!(told, EventPayload::AccountUpdated(now) if now.email_verified)));

    let accounts = world.moodify.accounts();
    let failed = log_in(&world, ADA).await;
    assert!(matches!(failed, Err(Error::Unauthenticated(AuthFailure::InvalidCredentials))), "{failed:?}");
    let refreshed = accounts.refresh(&refresh_token(&attacker)).await;
    assert!(matches!(refreshed, Err(Error::Unauthenticated(_))), "{refreshed:?}");
    let seen = accounts.account(&caller).await;
    assert!(matches!(seen, Err(Error::Unauthenticated(AuthFailure::InvalidToken))), "{seen:?}");
    assert!(accounts.change_password(&caller, PASSWORD, "low tide, low water").await.is_err());
    assert!(accounts.verify_email(&verify).await.is_err(), "a link of before");
    assert!(accounts.reset_password(&reset.expect("a link"), "low tide, low water").await.is_err());
    accounts.account(&world.caller(&owner).await).await.unwrap();
}

/// A log-in with the attacker's password that races with the owner's arrival is ended by it, or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_log_in_of_before_survives_the_arrival() {
    let world = World::new();
    world.sign_up(ADA).await;
    world.google.give("code", person("1", ADA));
    let log_ins = join_all((0..8).map(|_| log_in(&world, ADA)));
    let (log_ins, owner) = join(log_ins, sign_in_with(&world, "code", Role::User)).await;
    owner.unwrap();
    for signed_in in log_ins.into_iter().flatten() {
        let refreshed = world.moodify.accounts().refresh(&refresh_token(&signed_in)).await;
        assert!(refreshed.is_err(), "a session of the old password lives on");
    }
}

/// An account whose owner has proved the mailbox keeps its password, and is entered both ways.
#[tokio::test]
async fn an_address_that_both_sides_have_verified_links_the_account() {
    let world = World::new();
    let ada = world.sign_up(ADA).await;
    world.moodify.accounts().verify_email(&link(&world).await).await.unwrap();
    // However the issuer writes it.
    let arrived = arrives(&world, &person("1", "Ada@Example.COM")).await.unwrap();
    assert_eq!(arrived.account.id, ada.account.id);
    assert_eq!(log_in(&world, ADA).await.unwrap().account.id, ada.account.id);
    world.moodify.accounts().refresh(&refresh_token(&ada)).await.unwrap();
    assert!(!world.news().await.iter().any(|told| matches!(told, EventPayload::SessionRevoked(_))));
}

/// An issuer that lets people name any address, without a look, opens no account of ours.
#[tokio::test]
async fn an_address_that_the_issuer_has_not_verified_opens_nothing() {
    let world = World::new();
    let claimed = VerifiedIdentity { email_verified: false, ..person("1", ADA) };
    assert_refused(arrives(&world, &claimed).await, "email_not_verified");
    world.sign_up(ADA).await;
    assert_refused(arrives(&world, &claimed).await, "email_not_verified");
    world.moodify.accounts().verify_email(&link(&world).await).await.unwrap();
    assert_refused(arrives(&world, &claimed).await, "email_not_verified");
    assert!(!is_linked(&world, &claimed).await);
    log_in(&world, ADA).await.unwrap();
}

/// Addresses are given to others; identities are not.
#[tokio::test]
async fn the_next_owner_of_an_address_does_not_get_the_account() {
    let world = World::new();
    let ada = arrives(&world, &person("1", ADA)).await.unwrap();
    let next = person("2", ADA);
    assert_refused(arrives(&world, &next).await, "other_identity_linked");
    assert!(!is_linked(&world, &next).await);
    assert_eq!(arrives(&world, &person("1", ADA)).await.unwrap().account.id, ada.account.id);
}

/// Whoever changes the address at the issuer stays who they are here, and gets nobody else's account.
#[tokio::test]
async fn another_address_at_the_issuer_is_still_the_same_person() {
    let world = World::new();
    let ada = arrives(&world, &person("1", ADA)).await.unwrap();
    let grace = world.sign_up("grace@example.com").await;
    world.moodify.accounts().verify_email(&link(&world).await).await.unwrap();
    let arrived = arrives(&world, &person("1", "grace@example.com")).await.unwrap();
    assert_eq!(arrived.account, ada.account);
    assert_ne!(arrived.account.id, grace.account.id);
    let unproved = VerifiedIdentity { email: None, email_verified: false, ..person("1", ADA) };
    assert_eq!(arrives(&world, &unproved).await.unwrap().account, ada.account);
}

/// The same subject of another issuer is somebody else.
#[tokio::test]
async fn subjects_of_another_issuer_are_other_people() {
    let world = World::new();
    let ada = arrives(&world, &person("1", ADA)).await.unwrap();
    let identity = Identity::new("https://evil.example", "1").unwrap();
    let evil = VerifiedIdentity { identity, ..person("1", "eve@example.com") };
    let eve = arrives(&world, &evil).await.unwrap();
    assert_ne!(eve.account.id, ada.account.id);
}

/// Whoever came through the issuer first keeps the address.
#[tokio::test]
async fn nobody_signs_up_with_an_address_that_came_through_the_issuer() {
    let world = World::new();
    arrives(&world, &person("1", ADA)).await.unwrap();
    let taken = world.moodify.accounts().sign_up(world.request(ADA, None)).await;
    assert!(matches!(taken, Err(Error::Conflict { code: "email_taken", .. })), "{taken:?}");
    let failed = log_in(&world, ADA).await;
    assert!(matches!(failed, Err(Error::Unauthenticated(AuthFailure::InvalidCredentials))), "{failed:?}");
}

/// The wrong door changes nothing: neither a listener nor an artist is made the other, or linked.
#[tokio::test]
async fn the_wrong_door_links_nothing() {
    let world = World::new();
    let nina = world.moodify.accounts().sign_up(world.request(ADA, Some("Nina"))).await.unwrap();
    let visitor = person("1", ADA);
    assert_refused(arrives(&world, &visitor).await, "wrong_role");
    assert!(!is_linked(&world, &visitor).await);
    world.moodify.accounts().refresh(&refresh_token(&nina)).await.unwrap();
    let arrived = arrives_as(&world, &visitor, Role::Artist).await.unwrap();
    assert_eq!(arrived.account.id, nina.account.id);
    assert_refused(arrives(&world, &visitor).await, "wrong_role");
}

/// Two tabs, or two hundred: one account, one owner, and everybody gets in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_arrivals_at_once_make_one_account() {
    let world = World::new();
    for n in 0..24 {
        world.google.give(format!("code {n}"), person("1", ADA));
    }
    let all = (0..24).map(|n| {
        let world = &world;
        async move { sign_in_with(world, &format!("code {n}"), Role::User).await }
    });
    let all = join_all(all).await;
    let first = all[0].as_ref().unwrap().account.id;
    for arrived in all {
        assert_eq!(arrived.unwrap().account.id, first);
    }
    let created = world.news().await;
    let created = created.iter().filter(|told| matches!(told, EventPayload::AccountCreated(_)));
    assert_eq!(created.count(), 1);
}

/// New accounts are told as proved, later than that there is one; nobody is asked to prove it again.
#[tokio::test]
async fn a_new_account_is_proved_and_welcomed() {
    let world = World::new();
    let ada = arrives_as(&world, &person("1", ADA), Role::Artist).await.unwrap();
    assert!(ada.account.email_verified);
    assert_eq!(ada.account.artist.as_ref().unwrap().name.as_str(), "Ada Lovelace");
    let stored = world.store.credentials(&Email::parse(ADA).unwrap()).await.unwrap().unwrap();
    assert_eq!((stored.account, stored.password_hash), (ada.account, None));
    let news = world.news().await;
    let [EventPayload::AccountCreated(created), EventPayload::AccountUpdated(updated)] = news.as_slice()
    else {
        panic!("{news:?}")
    };
    assert!(created.artist_name.is_some() && updated.email_verified);
}
