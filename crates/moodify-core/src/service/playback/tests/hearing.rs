//! From reports to plays.

use std::sync::Mutex;

use super::*;
use crate::model::event::PlayReported;
use crate::model::{Event, EventKind, EventPayload, TraceContext, TrackId};
use crate::port::{Consumer, Measurement, Meter, Queue, Tracer};

impl Stage {
    pub(super) async fn listening() -> Self {
        Self::new().heard_by_music().await
    }

    async fn heard_by_music(self) -> Self {
        let stage = self;
        let music = Consumer { name: "music", kinds: vec![EventKind::PlayReported] };
        stage.queue.declare(&music).await.unwrap();
        stage
    }

    async fn told(&self) -> Vec<Event> {
        assert!(self.playback.publish_plays().await);
        let now = self.clock_now();
        let found = self.queue.receive("music", 100, now, Duration::from_secs(3_600)).await.unwrap();
        found.into_iter().map(|delivery| delivery.event).collect()
    }

    pub(super) async fn plays(&self) -> Vec<PlayReported> {
        let play = |event: Event| match event.payload {
            EventPayload::PlayReported(play) => play,
            other => panic!("{other:?}"),
        };
        self.told().await.into_iter().map(play).collect()
    }

    pub(super) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

impl Player<'_> {
    /// The device says that it is at this place now.
    pub(super) async fn report(&self, position_ms: u32) {
        let state = self.stage.playback.state(self.connection.subscriber().account).await.unwrap();
        let (rev, at_us) = (state.rev, self.stage.clock_now().as_microsecond());
        let report = Report { rev, position_ms: PositionMs::saturating(position_ms), at_us };
        self.stage.playback.report(&self.connection, report).await.unwrap();
    }

    pub(super) async fn next(&self, id: &str) {
        self.send(command(id, Operation::Next { ended: true, from: None })).await;
    }
}

/// What was measured.
#[derive(Default)]
struct Watch(Mutex<Vec<String>>);

impl Meter for Watch {
    fn record(&self, measurement: Measurement<'_>) {
        self.0.lock().unwrap().push(format!("{measurement:?}"));
    }
}

/// In another place of its trace each time it is asked.
#[derive(Default)]
struct Steps(AtomicU64);

impl Tracer for Steps {
    fn current(&self) -> Option<TraceContext> {
        TraceContext::new(7, 1 + self.0.fetch_add(1, Ordering::Relaxed), true)
    }

    fn resume(&self, _: &tracing::Span, _: &TraceContext) {}

    fn describe(&self, _: &tracing::Span, _: &str) {}
}

#[tokio::test]
async fn a_play_belongs_to_the_trace_of_what_ended_it() {
    let steps = Arc::new(Steps::default());
    let store = Arc::new(MemoryPlaybackStore::default());
    let tracer = steps.clone();
    let stage = Stage::watched(store, Arc::default(), |context| Context { tracer, ..context });
    let stage = stage.heard_by_music().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    let before = steps.0.load(Ordering::Relaxed);
    phone.next("c2").await;
    let trace = stage.told().await.remove(0).trace.unwrap();
    assert_eq!((trace.trace_id(), trace.span_id()), (7, before + 1));
}

#[tokio::test]
async fn what_was_really_played_is_told_at_the_end() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    let began = stage.clock_now() + Duration::from_millis(150);
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    // The player stalls for four of these ten seconds.
    stage.pass(10_000);
    phone.report(16_000).await;
    phone.send(command("c2", Operation::Pause)).await;
    stage.pass(60_000);
    phone.send(command("c3", Operation::Play { what: None, position_ms: None })).await;
    stage.pass(5_150);
    assert_eq!(stage.plays().await, [], "it has not ended");
    phone.next("c4").await;
    let plays = stage.plays().await;
    assert_eq!(plays.len(), 1);
    assert_eq!((plays[0].played_ms, plays[0].started_at), (21_000, began));
    assert_eq!(plays[0].track_id, TrackId::from(Uuid::from_u128(7)));
    assert_eq!(plays[0].device_id, Some(device("phone").id));
    assert_eq!(stage.plays().await, [], "once");
}

#[tokio::test]
async fn jumps_and_lies_are_not_heard() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(6_150);
    phone.report(3_000_000).await;
    phone.send(command("c2", Operation::Seek { position_ms: PositionMs::saturating(9_000_000) })).await;
    stage.pass(2_150);
    phone.report(9_002_000).await;
    phone.next("c3").await;
    let played: Vec<_> = stage.plays().await.into_iter().map(|play| play.played_ms).collect();
    assert_eq!(played, [8_000]);
}

#[tokio::test]
async fn nobody_is_heard_without_a_report_or_for_a_moment() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    stage.pass(60_000);
    speaker.report(59_850).await;
    phone.play("c2", 8).await;
    stage.pass(4_150);
    phone.report(4_000).await;
    phone.play("c3", 9).await;
    assert_eq!(stage.plays().await, []);
}

#[tokio::test]
async fn a_play_goes_on_through_another_connection() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(20_150);
    phone.report(20_000).await;
    phone.leave().await;
    stage.pass(5_000);
    let phone = stage.device(1, "phone").await;
    stage.pass(5_000);
    phone.report(30_000).await;
    phone.next("c2").await;
    assert_eq!(stage.plays().await[0].played_ms, 30_000);
}

#[tokio::test]
async fn a_silent_device_is_believed_for_a_while() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    stage.pass(600_000);
    phone.next("c2").await;
    assert_eq!(stage.plays().await[0].played_ms, 40_000);
}

#[tokio::test]
async fn a_long_pause_ends_a_play() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    phone.send(command("c2", Operation::Pause)).await;
    stage.pass(30 * 60 * 1_000 - 1);
    stage.playback.settle_due().await;
    assert_eq!(stage.plays().await, []);
    stage.pass(1);
    stage.playback.settle_due().await;
    assert_eq!(stage.plays().await[0].played_ms, 10_000);
}

#[tokio::test]
async fn a_play_goes_on_after_a_long_pause() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(20_150);
    phone.report(20_000).await;
    phone.send(command("c2", Operation::Pause)).await;
    stage.pass(30 * 60 * 1_000);
    stage.playback.settle_due().await;
    let first = stage.plays().await.remove(0);
    stage.pass(45 * 60 * 1_000);
    stage.playback.settle_due().await;
    assert_eq!(stage.plays().await, [], "once");
    phone.send(command("c3", Operation::Play { what: None, position_ms: None })).await;
    stage.pass(15_150);
    phone.report(35_000).await;
    phone.next("c4").await;
    let plays = stage.plays().await;
    // The music service joins what it hears of one play: the longest counts.
    assert_eq!((first.played_ms, plays.len(), plays[0].played_ms), (20_000, 1, 35_000));
    assert_eq!((&plays[0].play_id, plays[0].started_at), (&first.play_id, first.started_at));
}

#[tokio::test]
async fn a_day_later_nothing_is_kept_of_a_play() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    phone.send(command("c2", Operation::Pause)).await;
    for _ in 0..2 {
        stage.pass(12 * 60 * 60 * 1_000);
        stage.playback.settle_due().await;
    }
    assert_eq!(stage.plays().await[0].played_ms, 10_000);
    assert_eq!(stage.playback.watch.earliest(), None);
}

#[tokio::test]
async fn the_end_of_the_process_ends_all_plays() {
    let stage = Stage::listening().await;
    let phone = stage.device(1, "phone").await;
    phone.play("c1", 7).await;
    stage.pass(10_150);
    phone.report(10_000).await;
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    stage.playback.run(&stop).await;
    assert_eq!(stage.plays().await[0].played_ms, 10_000);
}

#[tokio::test]
async fn skew_is_measured_on_devices_that_make_sound() {
    let (store, meter) = (Arc::new(MemoryPlaybackStore::default()), Arc::new(Watch::default()));
    let watch = meter.clone();
    let stage = Stage::watched(store, Arc::default(), |context| Context { meter, ..context });
    let phone = stage.device(1, "phone").await;
    let speaker = stage.device(1, "speaker").await;
    phone.play("c1", 7).await;
    phone.report(0).await;
    stage.pass(1_150);
    for (player, position) in [(&phone, 1_004), (&phone, 970), (&speaker, 0)] {
        player.report(position).await;
    }
    let skews = [4, 30].map(|ms| Measurement::SyncSkew { skew: Duration::from_millis(ms) });
    let expected = [Measurement::SyncCommand { outcome: "applied" }, skews[0], skews[1]];
    let seen = watch.0.lock().unwrap().clone();
    assert_eq!(seen, expected.map(|one| format!("{one:?}")), "one before the start, one silent");
}
