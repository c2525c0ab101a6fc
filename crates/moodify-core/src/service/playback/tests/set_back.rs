//! The clock of the server is set back while something plays.

use super::*;

const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

impl Stage {
    fn set_back(&self) {
        self.clock.set(self.clock_now() - HOUR);
    }
}

#[tokio::test]
async fn playback_goes_on_from_where_its_device_was() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    stage.pass(60_150);
    phone.report(60_000).await;
    let rev = speaker.states().pop().unwrap().rev;
    stage.set_back();
    stage.pass(5_000);
    let Resync::Changed(state) = speaker.resync(None).await else { panic!("there is a state") };
    assert_eq!(state.position_at(stage.clock_now()).as_ms(), 60_000);
    stage.playback.settle_due().await;
    let state = speaker.states().pop().unwrap();
    assert_eq!((state.rev, state.playing, state.position_ms.as_ms()), (rev + 1, true, 60_000));
    assert_eq!(state.at_us, stage.clock_now().as_microsecond() + 150_000);
    stage.pass(10_150);
    assert_eq!(state.position_at(stage.clock_now()).as_ms(), 70_000);
    stage.playback.settle_due().await;
    assert_eq!(speaker.states(), [], "once");
}

#[tokio::test]
async fn a_command_is_carried_out_where_playback_really_is() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(60_150);
    phone.report(60_000).await;
    stage.set_back();
    phone.send(command("c2", Operation::Pause)).await;
    let Resync::Changed(state) = phone.resync(None).await else { panic!("there is a state") };
    assert_eq!((state.playing, state.position_ms.as_ms()), (false, 60_000));
}

#[tokio::test]
async fn what_is_heard_afterwards_counts() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(30_150);
    phone.report(30_000).await;
    stage.set_back();
    phone.report(30_000).await;
    stage.playback.settle_due().await;
    stage.pass(20_150);
    phone.report(50_000).await;
    phone.next("c2").await;
    let plays = stage.plays().await;
    assert_eq!(plays.iter().map(|play| play.played_ms).collect::<Vec<_>>(), [50_000]);
    assert!(plays[0].started_at <= stage.clock_now(), "it did not begin in the future");
}

#[tokio::test]
async fn a_transfer_that_nobody_answers_is_undone_in_time() {
    let stage = Stage::new();
    let phone = stage.device(1, "phone").await;
    let mut speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    phone.send(command("c2", Operation::Transfer { to: vec![device("speaker").id] })).await;
    stage.playback.settle_due().await;
    assert!(speaker.states().pop().unwrap().transfer.is_some());
    stage.set_back();
    stage.pass(3_000);
    stage.playback.settle_due().await;
    assert_eq!(speaker.states().pop().unwrap().transfer, None);
}

#[tokio::test]
async fn a_device_that_stays_away_is_missed() {
    let stage = Stage::new();
    let mut phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    speaker.play("c1", 7).await;
    stage.pass(10_150);
    speaker.report(10_000).await;
    speaker.leave().await;
    stage.playback.settle_due().await;
    stage.set_back();
    stage.pass(15_000);
    stage.playback.settle_due().await;
    let state = phone.states().pop().unwrap();
    assert_eq!((state.playing, state.position_ms.as_ms()), (false, 10_000));
}

#[tokio::test]
async fn a_paused_play_ends_all_the_same() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    phone.send(command("c2", Operation::Pause)).await;
    stage.playback.settle_due().await;
    stage.set_back();
    stage.playback.settle_due().await;
    assert_eq!(stage.plays().await[0].played_ms, 10_000);
}
