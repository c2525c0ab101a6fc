//! Who makes the sound, and when.

use super::*;
use crate::model::event::AccountDeleted;
use crate::model::{Operation, PlaybackMode};

fn to(names: &[&str]) -> Operation {
    Operation::Transfer { to: names.iter().map(|name| device(name).id).collect() }
}

#[tokio::test]
async fn an_unanswered_transfer_is_undone_for_everybody() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    phone.send(command("c2", to(&["speaker"]))).await;
    stage.clock.advance(Duration::from_millis(2_999));
    stage.playback.settle_due().await;
    assert!(speaker.states().pop().unwrap().transfer.is_some());
    phone.heard();
    stage.clock.advance(Duration::from_millis(1));
    stage.playback.settle_due().await;
    for player in [&mut phone, &mut speaker] {
        let states = player.states();
        assert_eq!(states.len(), 1);
        assert_eq!((states[0].transfer.as_ref(), states[0].rev), (None, 3));
        assert_eq!(states[0].active_device, Some(device("phone").id));
    }
    let late = stage.playback.ready(&speaker.connection, None).await.unwrap();
    assert_eq!(late.unwrap_err(), Refusal::NoTransfer);
}

#[tokio::test]
async fn a_source_that_goes_does_not_keep_the_sound() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    phone.send(command("c2", to(&["speaker"]))).await;
    phone.leave().await;
    let state = stage.playback.ready(&speaker.connection, None).await.unwrap().unwrap();
    assert_eq!((&state.active_device, state.playing), (&Some(device("speaker").id), true));
    stage.clock.advance(Duration::from_secs(60));
    stage.playback.settle_due().await;
    assert!(speaker.states().iter().all(|state| state.playing), "the speaker is there");
}

#[tokio::test]
async fn a_device_that_stays_away_pauses_where_it_left() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    speaker.play("c1", 7).await;
    phone.heard();
    stage.clock.advance(Duration::from_millis(10_150));
    speaker.leave().await;
    stage.clock.advance(Duration::from_millis(14_999));
    stage.playback.settle_due().await;
    assert_eq!(phone.states(), []);
    stage.clock.advance(Duration::from_millis(1));
    stage.playback.settle_due().await;
    let paused = phone.states().pop().unwrap();
    assert_eq!((paused.playing, paused.position_ms.as_ms()), (false, 10_000));
}

#[tokio::test]
async fn a_device_that_comes_back_in_time_plays_on() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    speaker.play("c1", 7).await;
    speaker.leave().await;
    stage.clock.advance(Duration::from_secs(5));
    let _speaker = stage.device(1, "speaker").await;
    phone.heard();
    stage.clock.advance(Duration::from_secs(60));
    stage.playback.settle_due().await;
    assert_eq!(phone.states(), []);
}

#[tokio::test]
async fn a_client_without_a_name_that_stays_away_pauses_where_it_left() {
    let stage = Stage::new();
    let tab = stage.join(1, 1).await;
    let account = tab.connection.subscriber().account;
    tab.play("c1", 7).await;
    let pass = async |ms| {
        stage.clock.advance(Duration::from_millis(ms));
        stage.playback.settle_due().await;
        let state = stage.playback.store.load(account).await.unwrap().unwrap();
        (state.playing, state.position_ms.as_ms())
    };
    // It reconnects: nobody was away for long.
    assert_eq!(pass(5_150).await, (true, 0));
    tab.leave().await;
    assert_eq!(pass(9_000).await, (true, 0));
    let tab = stage.join(1, 1).await;
    assert_eq!(pass(1_000).await, (true, 0));
    tab.leave().await;
    assert_eq!(pass(14_999).await, (true, 0));
    assert_eq!(pass(1).await, (false, 15_000));
    let now = stage.clock_now();
    assert_eq!(stage.playback.deserted.since(account, now), now, "nothing is kept of it");
}

#[tokio::test]
async fn a_client_without_a_name_plays_on_while_another_one_is_there() {
    let stage = Stage::new();
    let (tab, mut other) = (stage.join(1, 1).await, stage.join(1, 1).await);
    tab.play("c1", 7).await;
    tab.leave().await;
    other.heard();
    stage.clock.advance(Duration::from_secs(60));
    stage.playback.settle_due().await;
    assert_eq!(other.states(), [], "nobody knows which of them makes the sound");
}

#[tokio::test]
async fn a_server_that_starts_waits_for_devices_that_played() {
    let store = Arc::new(MemoryPlaybackStore::default());
    let before = Stage::on(store.clone(), Arc::default());
    before.device(1, "speaker").await.play("c1", 7).await;
    // A new process: nobody is connected yet.
    let after = Stage::on(store, Arc::default());
    let mut phone = after.device(1, "phone").await;
    after.clock.advance(Duration::from_secs(14));
    after.playback.settle_due().await;
    assert_eq!(phone.states(), []);
    after.clock.advance(Duration::from_secs(1));
    after.playback.settle_due().await;
    assert!(!phone.states().pop().unwrap().playing);
}

#[tokio::test]
async fn a_group_starts_when_all_are_there() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    let mut tv = stage.device(1, "tv").await;
    phone.play("c1", 7).await;
    phone.send(command("c2", to(&["phone", "speaker", "tv"]))).await;
    speaker.heard();
    let half = stage.playback.ready(&speaker.connection, None).await.unwrap().unwrap();
    assert_eq!(half.mode, PlaybackMode::Single);
    stage.clock.advance(Duration::from_secs(3));
    stage.playback.settle_due().await;
    let state = tv.states().pop().unwrap();
    assert_eq!((state.mode, &state.active_device), (PlaybackMode::Group, &Some(device("phone").id)));
    assert_eq!(state.group, [device("phone").id, device("speaker").id], "the television did not answer");
}

#[tokio::test]
async fn starts_wait_for_the_slowest_device_that_plays() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    let lead = async |player: &Player<'_>, id: &str| {
        let applied = player.play(id, 7).await;
        applied.at_us - stage.clock_now().as_microsecond()
    };
    stage.playback.round_trip(&mut phone.connection, Duration::from_millis(300)).await.unwrap();
    assert_eq!(lead(&phone, "c1").await, 600_000, "it becomes the one that plays");
    stage.playback.round_trip(&mut speaker.connection, Duration::from_millis(900)).await.unwrap();
    assert_eq!(lead(&speaker, "c2").await, 600_000, "the speaker only controls");
    stage.playback.round_trip(&mut phone.connection, Duration::from_millis(5)).await.unwrap();
    assert_eq!(lead(&speaker, "c3").await, 150_000);
    stage.playback.round_trip(&mut phone.connection, Duration::from_secs(60)).await.unwrap();
    assert_eq!(lead(&speaker, "c4").await, 2_000_000);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_and_does_not_come_back() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    let account = phone.connection.subscriber().account;
    let deleted = AccountDeleted { account_id: account, artist_id: None };
    stage.playback.account_deleted(&deleted).await.unwrap();
    assert_eq!(phone.heard(), [Signal::Close(CloseReason::AccountDeleted)]);
    // What was on its way is refused, and nothing is stored again.
    let late = stage.playback.command(&phone.connection, Turn::Next(play("c2", 8))).await;
    assert!(matches!(late, Err(Error::Unauthenticated(_))), "{late:?}");
    let late = stage.playback.hello(&mut phone.connection, device("phone")).await;
    assert!(matches!(late, Err(Error::Unauthenticated(_))), "{late:?}");
    let again = stage.playback.connect(&caller(1, 5, stage.clock_now())).await;
    assert!(matches!(again, Err(Error::Unauthenticated(_))));
    phone.leave().await;
    assert_eq!(stage.playback.store.load(account).await.unwrap(), None);
    assert_eq!(stage.playback.store.devices(account).await.unwrap(), []);
    assert_eq!(stage.playback.hub.online(account).await.unwrap(), []);
}

#[tokio::test]
async fn a_revoked_session_keeps_no_connection_and_opens_none() {
    let stage = Stage::new();
    let mut phone = stage.join(1, 10).await;
    let account_id = phone.connection.subscriber().account;
    let revoke = async |session: u128| {
        let event = SessionRevoked { account_id, session_id: Uuid::from_u128(session).into() };
        stage.playback.session_revoked(&event).await.unwrap();
    };
    revoke(11).await;
    let again = stage.playback.connect(&caller(1, 11, stage.clock_now())).await;
    assert!(matches!(again, Err(Error::Unauthenticated(_))));
    let revoked = caller(1, 11, stage.clock_now());
    let refused = stage.playback.auth_refresh(&mut phone.connection, &revoked).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    assert_eq!(phone.heard(), []);
    revoke(10).await;
    assert_eq!(phone.heard(), [Signal::Close(CloseReason::SessionRevoked)], "it is still of its old session");
}
