//! A server that goes away, comes back, says nothing, and says no.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use moodify_adapters::redis::{Redis, RedisConfig};
use moodify_core::conformance::samples;
use moodify_core::memory::{SystemClock, SystemRng};
use moodify_core::port::{Hint, PlaybackStore, Signal, SyncHub, Unavailable};
use moodify_core::service::Context;

use crate::server::{PASSWORD, RedisServer};
use crate::slot::Slot;
use crate::{bounded, hear, hear_hint, hint, now, presence_of, state, subscriber, until};

/// Killed under its subscribers: calls fail at once, those of one process still hear of each other, and when
/// it is back everybody is told and hears everything again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_is_found_again() {
    let Some(server) = RedisServer::start() else { return };
    let slot = Slot::on(&server.url());
    let (one, other) = (slot.redis(None).await, slot.redis(None).await);
    let account = samples::id();
    let [phone, kitchen, office] = [(); 3].map(|()| subscriber(account));
    let mut phones = one.hub().subscribe(&phone).await.unwrap();
    let mut kitchens = one.hub().subscribe(&kitchen).await.unwrap();
    let mut offices = other.hub().subscribe(&office).await.unwrap();
    for round in 0..3 {
        server.stop();
        until("both notice", async || one.check().await.is_err() && other.check().await.is_err()).await;
        let begun = now();
        assert!(one.playback_store().load(account).await.is_err());
        assert!(one.playback_store().create(account, &state(0)).await.is_err());
        assert!(one.hub().online(account).await.is_err());
        assert!(one.hub().subscribe(&subscriber(account)).await.is_err());
        assert!(one.hub().close_session(account, samples::id()).await.is_err());
        assert!(now().duration_since(begun).as_secs() < 10, "calls wait for a server that is not there");
        let news = hint(round);
        let _ = one.hub().publish(account, phone.connection, &news).await;
        assert_eq!(hear_hint(&mut kitchens).await, news);

        server.start_again();
        for signals in [&mut phones, &mut kitchens, &mut offices] {
            assert_eq!(hear(signals).await, Signal::Missed);
        }
        until("all are seen", async || {
            let seen = [one.hub().online(account).await, other.hub().online(account).await];
            seen.iter().all(|seen| seen.as_ref().is_ok_and(|seen| seen.len() == 3))
        })
        .await;
        let presence = Hint::Presence(Arc::new(presence_of(round % 2 == 0)));
        one.hub().publish(account, phone.connection, &presence).await.unwrap();
        for signals in [&mut kitchens, &mut offices] {
            assert_eq!(hear_hint(signals).await, presence.clone());
        }
        other.hub().publish(account, office.connection, &presence).await.unwrap();
        for signals in [&mut phones, &mut kitchens] {
            assert_eq!(hear_hint(signals).await, presence.clone());
        }
        one.playback_store().create(account, &state(7)).await.unwrap();
        assert_eq!(other.playback_store().load(account).await.unwrap().unwrap().rev, 7);
    }
}

/// Every line stays open, and nobody says a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_holds_nobody_up() {
    let Some(server) = RedisServer::start() else { return };
    let slot = Slot::on(&server.url()).with_timeout(Duration::from_millis(500));
    let redis = slot.redis(None).await;
    let account = samples::id();
    let (phone, kitchen) = (subscriber(account), subscriber(account));
    let _phones = redis.hub().subscribe(&phone).await.unwrap();
    let mut kitchens = redis.hub().subscribe(&kitchen).await.unwrap();
    server.freeze(true);
    let news = hint(1);
    redis.hub().publish(account, phone.connection, &news).await.unwrap();
    assert_eq!(hear_hint(&mut kitchens).await, news, "those of this process first");
    assert!(bounded(redis.playback_store().load(account)).await.is_err());
    assert!(bounded(redis.hub().online(account)).await.is_err());
    assert!(bounded(redis.hub().subscribe(&subscriber(account))).await.is_err());
    assert!(bounded(redis.hub().close_account(samples::id())).await.is_err());
    server.freeze(false);
    until("it is found again", async || redis.check().await.is_ok()).await;
    until("it is seen", async || redis.hub().online(account).await.is_ok_and(|seen| seen.len() == 2)).await;
    redis.playback_store().create(account, &state(1)).await.unwrap();
}

/// Its history changes under living connections, of which it ends none: by its first replica, and when it was a
/// replica itself for a moment. All processes find out, and go on with one epoch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_history_is_found_out() {
    let (Some(server), Some(replica)) = (RedisServer::start(), RedisServer::start()) else { return };
    let slot = Slot::on(&server.url()).with_lease(Duration::from_secs(1));
    let account = samples::id();
    let one = slot.redis(None).await;
    let mut signals = one.hub().subscribe(&subscriber(account)).await.unwrap();
    one.playback_store().create(account, &state(7)).await.unwrap();
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    let gets_a_replica = || {
        replica.control(&["CONFIG", "SET", "masterauth", PASSWORD]);
        replica.control(&["REPLICAOF", "127.0.0.1", &port]);
    };
    let is_demoted_for_a_moment = || {
        server.control(&["REPLICAOF", "127.0.0.1", "1"]);
        server.control(&["REPLICAOF", "NO", "ONE"]);
    };
    let changes: [&dyn Fn(); 2] = [&gets_a_replica, &is_demoted_for_a_moment];
    for change in changes {
        let history = || {
            let told = server.control(&["INFO", "replication"]);
            told.lines().find(|line| line.starts_with("master_replid:")).unwrap().to_owned()
        };
        let before = history();
        change();
        until("it has another history", async || history() != before).await;
        assert_eq!(hear(&mut signals).await, Signal::Missed);
        // Whoever comes later knows the new one only.
        let other = slot.redis(None).await;
        let epoch = async |redis: &Redis| {
            let loaded = redis.playback_store().load(account).await;
            loaded.ok().flatten().map(|state| state.epoch)
        };
        until("both agree", async || {
            let seen = epoch(&other).await;
            seen.is_some() && epoch(&one).await == seen && epoch(&other).await == seen
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let Some(server) = RedisServer::start() else { return };
    server.stop();
    let slot = Slot::on(&server.url());
    let redis = slot.redis(None).await;
    let fault = redis.check().await.unwrap_err();
    assert!(fault.retryable && fault.to_string().contains("is out of reach"), "{fault}");
    server.start_again();
    // It waits for the rest of what it takes for a command.
    let no_tls = Redis::connect(config(&server.wrong_tls_url()), None, context());
    let fault = bounded(no_tls).await.unwrap().check().await.unwrap_err();
    assert!(fault.to_string().contains("speak TLS"), "{fault}");
    until("it is found", async || redis.check().await.is_ok()).await;
}

fn context() -> Context {
    Context::new(Arc::new(SystemClock), Arc::new(SystemRng))
}

async fn refused(config: RedisConfig) -> Unavailable {
    bounded(Redis::connect(config, None, context())).await.err().expect("it was not refused")
}

fn config(url: &str) -> RedisConfig {
    RedisConfig::from_url(&url.to_owned().into()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_somebody_else_can_mend_is_told() {
    let Some(server) = RedisServer::start() else { return };
    let address = server.url().replace(&format!(":{PASSWORD}@"), "");
    server.control(&["ACL", "SETUSER", "ada", "on", ">secret", "~moodify:*", "+@all", "-script"]);
    server.control(&["ACL", "SETUSER", "bob", "on", ">secret", "~*", "&moodify:*", "+@read"]);
    for (url, words) in [
        (address, "refuses the log-in"),
        (server.url_of("", "wrong"), "refuses the log-in"),
        (server.url_of("nobody", PASSWORD), "refuses the log-in"),
        (server.url_of("ada", "secret"), "may not do this"),
        (server.url_of("bob", "secret"), "may not do this"),
        (server.tls_url(), "redis.ca_file"),
    ] {
        let fault = refused(config(&url)).await;
        assert!(!fault.retryable && fault.to_string().contains(words), "{words}: {fault}");
        assert!(
            !format!("{fault:?}").contains(PASSWORD) && !format!("{fault:?}").contains("secret"),
            "{fault:?}"
        );
    }
    let nonsense = RedisConfig { authorities: Some(BROKEN.to_owned()), ..config(&server.tls_url()) };
    assert!(refused(nonsense).await.to_string().contains("redis.ca_file"));

    server.control(&["REPLICAOF", "127.0.0.1", "1"]);
    let fault = refused(config(&server.url())).await;
    assert!(fault.to_string().contains("replica"), "{fault}");
    let Some(cluster) = RedisServer::start_with(&["--cluster-enabled", "yes"]) else { return };
    let fault = refused(config(&cluster.url())).await;
    assert!(fault.to_string().contains("part of a cluster"), "{fault}");
}

const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_with_whom_the_authority_vouches_for() {
    let Some(server) = RedisServer::start() else { return };
    let authorities = Some(fs::read_to_string(server.authority()).unwrap());
    let redis = Redis::connect(RedisConfig { authorities, ..config(&server.tls_url()) }, None, context());
    let redis = bounded(redis).await.unwrap();
    redis.check().await.unwrap();
    let account = samples::id();
    let mut signals = redis.hub().subscribe(&subscriber(account)).await.unwrap();
    server.stop();
    server.start_again();
    assert_eq!(hear(&mut signals).await, Signal::Missed);
}

/// A user with what docs/operations.md asks for, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_rights_are_enough() {
    let Some(server) = RedisServer::start() else { return };
    let page = include_str!("../../../../docs/operations.md");
    let line = page.lines().find(|line| line.starts_with("ACL SETUSER moodify")).expect("the rights");
    let words: Vec<&str> = line.split_whitespace().collect();
    server.control(&words);
    let redis = Redis::connect(config(&server.url_of("moodify", "password")), None, context());
    let redis = bounded(redis).await.unwrap();
    let account = samples::id();
    let phone = subscriber(account);
    let mut signals = redis.hub().subscribe(&phone).await.unwrap();
    redis.hub().publish(account, samples::id(), &hint(1)).await.unwrap();
    hear_hint(&mut signals).await;
    assert_eq!(redis.hub().online(account).await.unwrap(), [phone]);
    let store = redis.playback_store();
    store.create(account, &state(1)).await.unwrap();
    let known = store.load(account).await.unwrap().unwrap();
    store.replace(account, known.version(), &state(2), None, now()).await.unwrap();
    store.devices(account).await.unwrap();
    store.forget(account).await.unwrap();
    redis.hub().close_account(account).await.unwrap();
    redis.examine().await.unwrap();
    redis.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_drop_keys_is_doubtful() {
    let Some(server) = RedisServer::start() else { return };
    let redis = Slot::on(&server.url()).redis(None).await;
    let found = redis.examine().await.unwrap();
    assert!(found.version.contains(' '), "{found:?}");
    let [(what, fix)] = found.doubts.as_slice() else { panic!("{found:?}") };
    assert!(what.contains("no log") && fix.contains("appendonly yes"), "{found:?}");
    server.control(&["CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"]);
    let found = redis.examine().await.unwrap();
    assert!(
        found.doubts[0].0.contains("allkeys-lru") && found.doubts[0].1.contains("noeviction"),
        "{found:?}"
    );

    // Full, it says so instead.
    server.control(&["CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction"]);
    let fault = redis.check().await.unwrap_err();
    assert!(fault.retryable && fault.to_string().contains("OOM"), "{fault}");
}
