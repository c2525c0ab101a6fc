use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{MediaKey, earlier};
use crate::port::{MediaSigner, SignError, SignedUrl};

/// Signed URLs that are handed out again until half of their life is over: a list of ten tracks has
/// twenty, and signing is most of what it costs. Every process has its own; a signer gives the same
/// key the same URL for a while, so they agree.
///
/// It holds the URLs that were asked for last, up to a bound: when the younger half is full it
/// becomes the older half, and what nobody asks for again is forgotten with that.
pub(super) struct LinkCache {
    signer: Arc<dyn MediaSigner>,
    ttl: Duration,
    halves: Mutex<Halves>,
    half_size: usize,
}

#[derive(Default)]
struct Halves {
    younger: HashMap<MediaKey, Link>,
    older: HashMap<MediaKey, Link>,
}

#[derive(Clone)]
struct Link {
    url: SignedUrl,
    /// Until then it is handed out again.
    fresh_until: Timestamp,
}

impl LinkCache {
    /// The most URLs that are kept: some 5 MB.
    pub(super) const MAX_LINKS: usize = 10_000;

    /// A cache of at most `size` URLs before this signer.
    pub(super) fn new(signer: Arc<dyn MediaSigner>, ttl: Duration, size: usize) -> Self {
        Self { signer, ttl, halves: Mutex::default(), half_size: (size / 2).max(1) }
    }

    /// A URL that is good for at least half of the time to live, and no longer than all of it. One that the
    /// signer had to make shorter is good for at least half of what it had.
    pub(super) async fn sign(&self, key: &MediaKey, now: Timestamp) -> Result<SignedUrl, SignError> {
        if let Some(url) = self.remembered(key, now) {
            return Ok(url);
        }
        let url = self.signer.sign_get(key, now, self.ttl).await?;
        let rest = Duration::try_from(url.expires_at.duration_since(now)).unwrap_or_default();
        let fresh_until = earlier(url.expires_at, (self.ttl / 2).min(rest / 2));
        self.remember(key.clone(), Link { url: url.clone(), fresh_until });
        Ok(url)
    }

    fn remembered(&self, key: &MediaKey, now: Timestamp) -> Option<SignedUrl> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = halves.younger.get(key) {
            return Some(link).filter(|link| self.is_fresh(link, now)).map(|link| link.url.clone());
        }
        let link = halves.older.remove(key).filter(|link| self.is_fresh(link, now))?;
        self.insert(&mut halves, key.clone(), link.clone());
        Some(link.url)
    }

    fn remember(&self, key: MediaKey, link: Link) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut halves, key, link);
    }

    fn insert(&self, halves: &mut Halves, key: MediaKey, link: Link) {
        if halves.younger.len() >= self.half_size && !halves.younger.contains_key(&key) {
            halves.older = std::mem::take(&mut halves.younger);
        }
        halves.younger.insert(key, link);
    }

    /// A clock that jumped back would make a URL outlive its time: then it is signed anew.
    fn is_fresh(&self, link: &Link, now: Timestamp) -> bool {
        let longest = SignedDuration::try_from(self.ttl).unwrap_or(SignedDuration::MAX);
        now <= link.fresh_until && link.url.expires_at.duration_since(now) <= longest
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test reports by panicking")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use uuid::Uuid;

    use super::*;
    use crate::model::{MediaId, later};
    use crate::port::SignedPut;

    const TTL: Duration = Duration::from_secs(600);

    /// Signs for the whole time to live, but never beyond its own end, and counts how often.
    struct Counting {
        count: AtomicUsize,
        end: Timestamp,
    }

    #[async_trait]
    impl MediaSigner for Counting {
        async fn sign_get(
            &self,
            key: &MediaKey,
            now: Timestamp,
            ttl: Duration,
        ) -> Result<SignedUrl, SignError> {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            let url = format!("https://media.test/{key}?n={count}").parse().unwrap();
            Ok(SignedUrl { url, expires_at: later(now, ttl).min(self.end) })
        }

        async fn sign_put(
            &self,
            key: &MediaKey,
            _len: u64,
            now: Timestamp,
            ttl: Duration,
        ) -> Result<SignedPut, SignError> {
            Ok(SignedPut { url: self.sign_get(key, now, ttl).await?, headers: Vec::new() })
        }
    }

    fn cache(size: usize) -> (Arc<Counting>, LinkCache) {
        ending(size, Timestamp::MAX)
    }

    fn ending(size: usize, end: Timestamp) -> (Arc<Counting>, LinkCache) {
        let signer = Arc::new(Counting { count: AtomicUsize::default(), end });
        (signer.clone(), LinkCache::new(signer, TTL, size))
    }

    fn key(n: u128) -> MediaKey {
        MediaKey::audio(MediaId::from(Uuid::from_u128(n)))
    }

    fn noon() -> Timestamp {
        Timestamp::from_second(43_200).unwrap()
    }

    #[tokio::test]
    async fn a_url_is_handed_out_until_half_its_life_is_over() {
        let (signer, cache) = cache(10);
        let first = cache.sign(&key(1), noon()).await.unwrap();
        for (seconds, signed) in [(0, 1), (1, 1), (300, 1), (301, 2), (600, 2), (602, 3), (100_000, 4)] {
            let now = later(noon(), Duration::from_secs(seconds));
            let link = cache.sign(&key(1), now).await.unwrap();
            assert_eq!(signer.count.load(Ordering::Relaxed), signed, "after {seconds} s");
            assert_eq!(link == first, signed == 1);
            let left = link.expires_at.duration_since(now).as_secs();
            assert!((300..=600).contains(&left), "{left} s left after {seconds} s");
        }
    }

    #[tokio::test]
    async fn a_url_that_lives_shorter_is_handed_out_for_half_of_that() {
        let end = later(noon(), Duration::from_secs(200));
        let (signer, cache) = ending(10, end);
        for (seconds, signed) in [(0, 1), (100, 1), (101, 2), (150, 2), (151, 3)] {
            let link = cache.sign(&key(1), later(noon(), Duration::from_secs(seconds))).await.unwrap();
            assert_eq!(
                (link.expires_at, signer.count.load(Ordering::Relaxed)),
                (end, signed),
                "after {seconds} s"
            );
        }
    }

    #[tokio::test]
    async fn a_clock_that_jumps_back_lengthens_no_life() {
        let (signer, cache) = cache(10);
        cache.sign(&key(1), noon()).await.unwrap();
        let before = earlier(noon(), Duration::from_secs(1));
        let link = cache.sign(&key(1), before).await.unwrap();
        assert_eq!(link.expires_at, later(before, TTL));
        assert_eq!(signer.count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn what_is_asked_for_often_stays_and_the_rest_is_bounded() {
        let (signer, cache) = cache(10);
        for n in 1..1000 {
            cache.sign(&key(0), noon()).await.unwrap();
            cache.sign(&key(n), noon()).await.unwrap();
            let halves = cache.halves.lock().unwrap();
            assert!(halves.younger.len() + halves.older.len() <= 10);
        }
        assert_eq!(signer.count.load(Ordering::Relaxed), 1000);
    }
}
