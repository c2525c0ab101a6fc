use std::sync::Arc;
use std::time::Duration;

use moodify_core::Error;
use moodify_core::memory::{FixedClock, MemoryMediaStore, MemoryStore, SeededRng};
use moodify_core::model::{CoverSize, MediaId, MediaKey};
use moodify_core::port::{MediaSigner, SignedUrl};
use moodify_core::service::{Context, KeyRing, MediaGate};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);

fn gate(seed: u64) -> (Arc<FixedClock>, MediaGate) {
    let clock = Arc::new(FixedClock::default());
    let context = Context::new(clock.clone(), Arc::new(SeededRng::new(seed)));
    let keys = Arc::new(KeyRing::new(Arc::new(MemoryStore::new()), context.clone()));
    let url = "https://moodify.example/base/".parse().unwrap();
    (clock, MediaGate::new(Arc::new(MemoryMediaStore::new()), keys, context, &url))
}

fn audio() -> MediaKey {
    MediaKey::audio(MediaId::from(Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001)))
}

fn parts(signed: &SignedUrl) -> (String, String, String) {
    let key = signed.url.path().strip_prefix("/base/media/").unwrap().to_owned();
    let query: Vec<(String, String)> = signed.url.query_pairs().into_owned().collect();
    assert_eq!((query[0].0.as_str(), query[1].0.as_str()), ("expires", "sig"));
    (key, query[0].1.clone(), query[1].1.clone())
}

async fn refusal(gate: &MediaGate, key: &str, expires: &str, sig: &str) -> &'static str {
    match gate.verify(key, expires, sig).await {
        Err(Error::Forbidden { code, .. }) => code,
        other => panic!("{key} {expires} {sig}: {other:?}"),
    }
}

#[tokio::test]
async fn a_url_is_the_same_for_half_its_life_and_never_outlives_it() {
    let (clock, gate) = gate(1);
    let context_now = || moodify_core::port::Clock::now(&*clock);
    let mut seen = Vec::new();
    for _ in 0..120 {
        let now = context_now();
        let signed = gate.sign_get(&audio(), now, HOUR).await.unwrap();
        let left = signed.expires_at.duration_since(now).as_secs();
        assert!((1800..=3600).contains(&left), "{left} s left");
        let (key, expires, sig) = parts(&signed);
        assert_eq!(gate.verify(&key, &expires, &sig).await.unwrap().key(), &audio());
        if seen.last() != Some(&signed.url) {
            seen.push(signed.url);
        }
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(seen.len(), 4, "two hours have four halves");
}

#[tokio::test]
async fn changed_expired_and_foreign_urls_are_refused() {
    let (clock, gate_a) = gate(1);
    let (_, gate_b) = gate(2);
    let now = moodify_core::port::Clock::now(&*clock);
    let (key, expires, sig) = parts(&gate_a.sign_get(&audio(), now, HOUR).await.unwrap());
    let other = MediaKey::cover(MediaId::from(Uuid::from_u128(7)), CoverSize::Large);
    let longer = (expires.parse::<i64>().unwrap() + 3600).to_string();
    let zeros = format!("0{expires}");
    for (key, expires, sig) in [
        (other.as_str(), expires.as_str(), sig.as_str()),
        (&key, &longer, &sig),
        (&key, &zeros, &sig),
        (&key, "", &sig),
        (&key, "-1", &sig),
        (&key, "99999999999999999999", &sig),
        (&key, &expires, ""),
        (&key, &expires, &sig[1..]),
        (&key, &expires, &"A".repeat(43)),
        ("../secrets", &expires, &sig),
        ("audio/../../etc/passwd", &expires, &sig),
        (&format!("{key}\0"), &expires, &sig),
    ] {
        assert_eq!(refusal(&gate_a, key, expires, sig).await, "invalid_signature", "{key} {expires} {sig}");
    }
    assert_eq!(refusal(&gate_b, &key, &expires, &sig).await, "invalid_signature");
    clock.advance(HOUR);
    assert_eq!(refusal(&gate_a, &key, &expires, &sig).await, "url_expired");
}
