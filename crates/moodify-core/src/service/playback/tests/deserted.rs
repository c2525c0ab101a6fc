//! What a process does for the devices of one that died, and for its own when it was cut off.

use super::*;
use crate::AuthFailure;
use crate::port::{Ended, Subscriber};

fn gone(account: u128, device: &str) -> Subscriber {
    Subscriber {
        connection: Uuid::from_u128(0xdead).into(),
        account: Uuid::from_u128(account).into(),
        session: Uuid::from_u128(account).into(),
        device: Some(DeviceId::parse(device).unwrap()),
        round_trip: Duration::ZERO,
    }
}

/// A device that this process has never seen, as one that died has left it.
async fn leave_behind(stage: &Stage, account: u128, name: &str) {
    let mut player = stage.device(account, name).await;
    player.heard();
    drop(player.signals);
}

#[tokio::test]
async fn a_device_whose_process_died_is_announced_as_gone() {
    let stage = Stage::new();
    let mut kitchen = stage.device(1, "kitchen").await;
    leave_behind(&stage, 1, "phone").await;
    kitchen.heard();
    stage.playback.deserted(&gone(1, "phone")).await.unwrap();
    let told = kitchen.presences();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].device.id.as_str(), told[0].online), ("phone", false));
}

#[tokio::test]
async fn a_device_that_has_come_back_elsewhere_is_not_gone() {
    let stage = Stage::new();
    let mut kitchen = stage.device(1, "kitchen").await;
    let _phone = stage.device(1, "phone").await;
    kitchen.heard();
    stage.playback.deserted(&gone(1, "phone")).await.unwrap();
    stage.playback.deserted(&gone(1, "forgotten")).await.unwrap();
    assert_eq!(kitchen.heard(), []);
}

#[tokio::test]
async fn playback_of_a_device_whose_process_died_ends_some_time() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    let kitchen = stage.device(1, "kitchen").await;
    drop(phone.signals);
    stage.playback.deserted(&gone(1, "phone")).await.unwrap();
    stage.clock.advance(PlaybackConfig::default().absence + Duration::from_secs(1));
    stage.playback.settle_due().await;
    let Resync::Changed(state) = kitchen.resync(None).await else { panic!("a state was expected") };
    assert!(!state.playing);
}

#[tokio::test]
async fn who_was_cut_off_is_told_all_of_it() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let _kitchen = stage.device(1, "kitchen").await;
    let applied = phone.play("c1", 7).await;
    let news = stage.playback.catch_up(&phone.connection).await.unwrap();
    assert_eq!(news.state.version(), applied.version);
    let devices: Vec<_> = news.devices.iter().map(|known| (known.device.id.as_str(), known.online)).collect();
    assert_eq!(devices, [("kitchen", true)], "the others");
}

#[tokio::test]
async fn who_was_cut_off_from_the_word_that_it_is_out_is_out() {
    let store = Arc::new(MemoryPlaybackStore::default());
    let stage = Stage::on(store.clone(), Arc::default());
    let phone = stage.device(1, "phone").await;
    let now = stage.clock_now();
    let until = now + jiff::SignedDuration::from_secs(60);
    store.note_ended(Ended::Session(Uuid::from_u128(1).into()), until, now).await.unwrap();
    let out = stage.playback.catch_up(&phone.connection).await;
    assert!(matches!(out, Err(Error::Unauthenticated(AuthFailure::InvalidToken))), "{out:?}");
}

/// By a process that has heard of it to one that has not.
#[tokio::test]
async fn a_deleted_listener_is_not_begun_anew() {
    let store = Arc::new(MemoryPlaybackStore::default());
    let stage = Stage::on(store.clone(), Arc::default());
    let phone = stage.device(1, "phone").await;
    let (now, account) = (stage.clock_now(), Uuid::from_u128(1).into());
    store.note_ended(Ended::Account(account), now + jiff::SignedDuration::from_secs(60), now).await.unwrap();
    store.forget(account).await.unwrap();
    let refused = stage.playback.command(&phone.connection, Turn::Next(play("c1", 7))).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    assert_eq!(store.load(account).await.unwrap(), None);
}
