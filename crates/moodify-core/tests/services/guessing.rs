//! Guessing passwords: it ends soon, and locks nobody out.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::join_all;
use moodify_core::config::LimitsConfig;
use moodify_core::model::{ClientNetwork, Email, Role};
use moodify_core::service::accounts::{LogIn, SignedIn};
use moodify_core::{AuthFailure, Error};

use crate::world::{PASSWORD, World};

const HOUR: Duration = Duration::from_secs(3600);
const ADA: &str = "ada@example.com";
const NOBODY: &str = "nobody@example.com";

/// Few failures in a row block, for each costs a hash.
const QUICK: LimitsConfig =
    LimitsConfig { login_failures_per_minute: 5, login_failures_in_a_row: 10, ..LimitsConfig::OFF };

fn network(n: u32) -> Option<ClientNetwork> {
    Some(ClientNetwork::from(IpAddr::from(n.to_be_bytes())))
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    In,
    Wrong,
    Wait(Duration),
}

async fn try_from(world: &World, email: &str, password: &str, from: Option<ClientNetwork>) -> Outcome {
    let request = LogIn {
        email: email.to_owned(),
        password: password.to_owned(),
        role: Role::User,
        user_agent: None,
        from,
    };
    outcome(world.moodify.accounts().log_in(request).await)
}

fn outcome(answer: Result<SignedIn, Error>) -> Outcome {
    match answer {
        Ok(_) => Outcome::In,
        Err(Error::Unauthenticated(AuthFailure::InvalidCredentials)) => Outcome::Wrong,
        Err(Error::Busy { retry_after }) => Outcome::Wait(retry_after),
        Err(other) => panic!("{other:?}"),
    }
}

/// As many failures as it takes until strangers must wait, each from another network.
async fn hammer(world: &World, email: &str, first: u32) -> usize {
    for n in 0..1000 {
        match try_from(world, email, "not the password", network(first + n)).await {
            Outcome::Wrong => {}
            Outcome::Wait(_) => return n as usize,
            Outcome::In => panic!("the wrong password is right"),
        }
    }
    panic!("nobody stops the guessing");
}

#[tokio::test]
async fn five_failures_a_minute_from_one_network_to_one_account() {
    for email in [ADA, NOBODY, "no address"] {
        let world = World::new();
        world.sign_up(ADA).await;
        for _ in 0..5 {
            assert_eq!(try_from(&world, email, "wrong", network(1)).await, Outcome::Wrong);
        }
        let wait = Outcome::Wait(Duration::from_secs(12));
        assert_eq!(try_from(&world, email, "wrong", network(1)).await, wait);
        assert_eq!(try_from(&world, email, PASSWORD, network(1)).await, wait, "not even the right one");
        assert_eq!(try_from(&world, email, "wrong", network(2)).await, Outcome::Wrong);
        assert_eq!(try_from(&world, "bob@example.com", "wrong", network(1)).await, Outcome::Wrong);
        world.clock.advance(Duration::from_secs(12));
        assert_eq!(try_from(&world, email, "wrong", network(1)).await, Outcome::Wrong);
    }
}

#[tokio::test]
async fn good_log_ins_are_never_too_many() {
    let world = World::new();
    world.sign_up(ADA).await;
    for _ in 0..20 {
        assert_eq!(try_from(&world, ADA, PASSWORD, network(1)).await, Outcome::In);
    }
}

#[tokio::test]
async fn a_thousand_tries_at_once_are_no_more_than_one_after_the_other() {
    let world = World::new();
    world.sign_up(ADA).await;
    let tries = (0..60).map(|_| try_from(&world, ADA, "wrong", network(1)));
    let made = join_all(tries).await.into_iter().filter(|outcome| *outcome == Outcome::Wrong).count();
    assert_eq!(made, 5);
}

#[tokio::test]
async fn after_a_hundred_failures_strangers_wait_and_the_owner_does_not() {
    let world = World::new();
    world.sign_up(ADA).await;
    let home = network(1);
    assert_eq!(try_from(&world, ADA, PASSWORD, home).await, Outcome::In);
    for email in [ADA, NOBODY] {
        assert_eq!(hammer(&world, email, 1000).await, 100, "{email}");
        let wait = Outcome::Wait(Duration::from_secs(15 * 60));
        assert_eq!(try_from(&world, email, PASSWORD, network(9)).await, wait, "{email}");
    }
    assert_eq!(try_from(&world, ADA, PASSWORD, home).await, Outcome::In, "the owner is known at home");
    // That was a success: counting begins anew.
    assert_eq!(hammer(&world, ADA, 5000).await, 100);
}

#[tokio::test]
async fn a_guesser_at_the_owners_own_network_is_stopped_too() {
    let world = World::limited(QUICK);
    world.sign_up(ADA).await;
    let home = network(1);
    assert_eq!(try_from(&world, ADA, PASSWORD, home).await, Outcome::In);
    let mut failures = 0;
    loop {
        world.clock.advance(Duration::from_secs(12));
        match try_from(&world, ADA, "wrong", home).await {
            Outcome::Wrong => failures += 1,
            Outcome::Wait(wait) => break assert_eq!(wait, Duration::from_secs(15 * 60 - 12)),
            Outcome::In => panic!("the wrong password is right"),
        }
    }
    assert_eq!(failures, 10);
    assert_eq!(try_from(&world, ADA, PASSWORD, network(2)).await, Outcome::In, "others do not suffer");
}

#[tokio::test]
async fn then_there_is_one_try_in_a_quarter_of_an_hour() {
    let world = World::limited(QUICK);
    world.sign_up(ADA).await;
    hammer(&world, ADA, 1000).await;
    let mut tries = 0;
    for n in 0..2 * 60 {
        world.clock.advance(Duration::from_secs(60));
        tries += u32::from(try_from(&world, ADA, "wrong", network(5000 + n)).await == Outcome::Wrong);
    }
    assert_eq!(tries, 2 * 4);
    world.clock.advance(HOUR / 4);
    assert_eq!(try_from(&world, ADA, PASSWORD, network(7)).await, Outcome::In);
    assert_eq!(try_from(&world, ADA, "wrong", network(8)).await, Outcome::Wrong);
}

#[tokio::test]
async fn a_quiet_day_and_a_proof_of_the_mailbox_forget_the_failures() {
    let world = World::limited(QUICK);
    world.sign_up(ADA).await;
    hammer(&world, ADA, 1000).await;
    world.clock.advance(24 * HOUR);
    assert_eq!(hammer(&world, ADA, 2000).await, 10);
    world.moodify.accounts().unblock(&Email::parse(ADA).unwrap()).await.unwrap();
    assert_eq!(try_from(&world, ADA, PASSWORD, network(9)).await, Outcome::In);
}

#[tokio::test]
async fn another_process_goes_on_counting() {
    let world = World::limited(QUICK);
    world.sign_up(ADA).await;
    hammer(&world, ADA, 1000).await;
    let restarted = world.restarted(QUICK);
    let wait = Outcome::Wait(Duration::from_secs(15 * 60));
    assert_eq!(try_from(&restarted, ADA, PASSWORD, network(9)).await, wait);
}

#[tokio::test]
async fn passwords_that_anybody_would_guess_are_refused() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let own = ["ada.lovelace@example.com", "Ada", "Lovelace", "The Engines"];
    for (text, code) in [
        ("password123", "password_too_common"),
        ("PASSWORD123", "password_too_common"),
        ("aaaaaaaaaaaaaaaa", "password_too_common"),
        ("ada.lovelace@example.com", "password_contains_own_words"),
        ("Lovelace1815", "password_contains_own_words"),
        ("the-engines!!", "password_contains_own_words"),
        ("Moodify2026!", "password_contains_own_words"),
    ] {
        assert_eq!(accounts.new_password(text, &own).unwrap_err().code, code, "{text}");
    }
    for text in
        [PASSWORD, "lovelace of the engines likes tea", "モーツァルトを聴きながら", "1234567890abcd efg"]
    {
        assert!(accounts.new_password(text, &own).is_ok(), "{text}");
    }
}
