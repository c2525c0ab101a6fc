//! Whatever gets lost, all devices agree in the end.

use proptest::prelude::*;

use super::*;
use crate::model::{QueuePosition, Repeat};

/// A device as `docs/playback.md` describes it: it takes what is newer, and asks when it missed
/// something.
struct Listening {
    state: PlaybackState,
}

impl Listening {
    fn hear(&mut self, state: &PlaybackState) {
        if state.epoch != self.state.epoch || state.rev > self.state.rev {
            self.state = state.clone();
        }
    }
}

#[derive(Clone, Debug)]
struct Happening {
    by: usize,
    what: usize,
    /// Which command key is used: some come again.
    key: u8,
    /// Whether the state is expected that the device knows.
    expects: bool,
    /// Which devices lose the news of it.
    lost: [bool; 3],
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = (0..3usize, 0..9usize, 0..60u8, any::<bool>(), any::<[bool; 3]>())
        .prop_map(|(by, what, key, expects, lost)| Happening { by, what, key, expects, lost });
    prop::collection::vec(one, 1..50)
}

fn operation(what: usize, n: usize) -> Operation {
    let track = Uuid::from_u128(1 + n as u128).into();
    match what {
        0 => Operation::Pause,
        1 => Operation::Play { what: None, position_ms: None },
        2 => Operation::QueueAdd { tracks: vec![track], position: QueuePosition::Next },
        3 => Operation::QueueAdd { tracks: vec![track, track], position: QueuePosition::End },
        4 => Operation::Next { ended: false, from: None },
        5 => Operation::SetShuffle { shuffle: n % 2 == 0 },
        6 => Operation::SetRepeat { repeat: Repeat::All },
        7 => Operation::Seek { position_ms: PositionMs::saturating(1_000) },
        _ => Operation::Previous,
    }
}

async fn history(happenings: Vec<Happening>) {
    let stage = Stage::new();
    let mut players = Vec::new();
    let mut devices = Vec::new();
    for name in ["phone", "speaker", "web"] {
        let mut player = stage.join(1, 1).await;
        let state = player.hello(name).await.unwrap().state;
        players.push(player);
        devices.push(Listening { state });
    }
    let mut seen = std::collections::HashMap::new();
    let mut rev = devices[0].state.rev;
    for (n, happening) in happenings.into_iter().enumerate() {
        stage.clock.advance(Duration::from_millis(37));
        let expect = happening.expects.then(|| devices[happening.by].state.version());
        let operation = operation(happening.what, n);
        let id = CommandId::parse(&format!("c{}", happening.key)).unwrap();
        let outcome = players[happening.by].send(Command { id, expect, operation }).await;
        match outcome {
            Outcome::Applied { applied, state } => {
                if let Some(first) = seen.get(&happening.key) {
                    assert_eq!(&applied, first, "the same answer, not another revision");
                } else {
                    assert_eq!(applied.version.rev, rev + 1);
                    rev += 1;
                    seen.insert(happening.key, applied);
                }
                if let Some(state) = state {
                    devices[happening.by].hear(&state);
                }
            }
            Outcome::Refused { refusal, state } => {
                assert!(matches!(refusal, Refusal::Stale | Refusal::NothingToPlay), "{refusal:?}");
                devices[happening.by].hear(&state.unwrap());
            }
        }
        for ((player, device), lost) in players.iter_mut().zip(&mut devices).zip(happening.lost) {
            for state in player.states() {
                if !lost {
                    device.hear(&state);
                }
            }
        }
    }
    let truth = stage.playback.state(players[0].connection.subscriber().account).await.unwrap();
    assert_eq!(truth.rev, rev);
    for (player, device) in players.iter().zip(&mut devices) {
        match player.resync(Some(device.state.version())).await {
            Resync::Unchanged => {}
            Resync::Changed(state) => device.hear(&state),
        }
        assert_eq!(device.state, truth);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn devices_agree_after_any_loss(happenings in happenings()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(history(happenings));
    }
}
