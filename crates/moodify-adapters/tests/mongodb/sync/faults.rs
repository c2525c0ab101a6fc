//! A server that goes away, comes back, and says nothing; and hints that are lost on the way.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{DateTime, doc};
use moodify_adapters::mongodb::MongoSyncConfig;
use moodify_core::conformance::samples;
use moodify_core::model::AccountId;
use moodify_core::port::{CloseReason, Hint, PlaybackStore, Signal, SyncHub};

use super::{
    Process, bounded, config, hear, hear_hint, hint, now, presence_of, process, raw, state, subscriber, until,
};
use crate::new_server;

/// Calls fail at once, without asking the server: again and again, for one that finds its line broken does so too.
async fn is_cut_off(process: &Process) -> bool {
    for _ in 0..3 {
        let begun = now();
        let asked = process.sync.hub().online(samples::id()).await;
        if asked.is_ok() || now().duration_since(begun).as_millis() > 500 {
            return false;
        }
    }
    true
}

/// Killed under its subscribers: calls fail at once, those of one process still hear of each other, and when
/// it is back everybody is told and hears everything again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_is_found_again() {
    let mut server = new_server!(start);
    let (one, other) = (process(&server, config()).await, process(&server, config()).await);
    let account = samples::id();
    let [phone, kitchen, office] = [(); 3].map(|()| subscriber(account));
    let mut phones = one.sync.hub().subscribe(&phone).await.unwrap();
    let mut kitchens = one.sync.hub().subscribe(&kitchen).await.unwrap();
    let mut offices = other.sync.hub().subscribe(&office).await.unwrap();
    one.sync.playback_store().create(account, &state(7)).await.unwrap();
    for round in 0..2 {
        server.kill();
        until("both notice", async || is_cut_off(&one).await && is_cut_off(&other).await).await;
        assert!(bounded(one.sync.check()).await.is_err());
        assert!(bounded(one.sync.hub().subscribe(&subscriber(account))).await.is_err());
        assert!(bounded(one.sync.hub().close_session(account, samples::id())).await.is_err());
        let news = hint(round);
        let _ = one.sync.hub().publish(account, phone.connection, &news).await;
        assert_eq!(hear_hint(&mut kitchens).await, news);

        server.start_again();
        for signals in [&mut phones, &mut kitchens, &mut offices] {
            assert_eq!(hear(signals).await, Signal::Missed);
        }
        until("all are seen", async || {
            let seen = [one.sync.hub().online(account).await, other.sync.hub().online(account).await];
            seen.iter().all(|seen| seen.as_ref().is_ok_and(|seen| seen.len() == 3))
        })
        .await;
        let presence = Hint::Presence(Arc::new(presence_of(round % 2 == 0)));
        one.sync.hub().publish(account, phone.connection, &presence).await.unwrap();
        for signals in [&mut kitchens, &mut offices] {
            assert_eq!(hear_hint(signals).await, presence.clone());
        }
        other.sync.hub().publish(account, office.connection, &presence).await.unwrap();
        for signals in [&mut phones, &mut kitchens] {
            assert_eq!(hear_hint(signals).await, presence.clone());
        }
        assert_eq!(other.sync.playback_store().load(account).await.unwrap().unwrap().rev, 7);
    }
    one.end().await;
    other.end().await;
}

/// Every line stays open, and nobody says a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_holds_nobody_up() {
    let server = new_server!(start);
    let impatient = MongoSyncConfig { timeout: Duration::from_secs(2), ..config() };
    let one = process(&server, impatient).await;
    let account = samples::id();
    let (phone, kitchen) = (subscriber(account), subscriber(account));
    let _phones = one.sync.hub().subscribe(&phone).await.unwrap();
    let mut kitchens = one.sync.hub().subscribe(&kitchen).await.unwrap();
    server.freeze(true);
    let news = hint(1);
    one.sync.hub().publish(account, phone.connection, &news).await.unwrap();
    assert_eq!(hear_hint(&mut kitchens).await, news, "those of this process first");
    assert!(bounded(one.sync.hub().online(account)).await.is_err());
    assert!(bounded(one.sync.hub().subscribe(&subscriber(account))).await.is_err());
    assert!(bounded(one.sync.hub().close_account(samples::id())).await.is_err());
    until("it is cut off", async || is_cut_off(&one).await).await;
    server.freeze(false);
    until("it is found again", async || one.sync.check().await.is_ok()).await;
    assert_eq!(hear(&mut kitchens).await, Signal::Missed);
    assert_eq!(one.sync.hub().online(account).await.unwrap(), [phone, kitchen]);
    one.sync.examine().await.unwrap();
    one.end().await;
}

/// By the numbers of the process that sent them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_noticed() {
    let server = new_server!(start);
    let one = process(&server, config()).await;
    let account: AccountId = samples::id();
    let phone = subscriber(account);
    let mut signals = one.sync.hub().subscribe(&phone).await.unwrap();
    let hints = raw(&server, "sync_hints").await;
    let pulse = async |number: i64| {
        let at = DateTime::from_millis(now().as_millisecond());
        hints.insert_one(doc! { "pulse_of": "another", "number": number, "at": at }).await.unwrap();
    };
    pulse(1).await;
    pulse(2).await;
    pulse(5).await;
    assert_eq!(hear(&mut signals).await, Signal::Missed);
    pulse(6).await;
    one.sync.examine().await.unwrap();
    let news = hint(1);
    one.sync.hub().publish(account, samples::id(), &news).await.unwrap();
    assert_eq!(hear(&mut signals).await, Signal::Hint(news), "nothing else was missing");
    one.sync.hub().close_session(account, phone.session).await.unwrap();
    assert_eq!(hear(&mut signals).await, Signal::Close(CloseReason::SessionRevoked));
    one.end().await;
}
