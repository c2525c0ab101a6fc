//! Holds a [`MediaSigner`] to its contract, by a client that knows nothing but its URLs.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use url::Url;

use super::{Keep, samples};
use crate::model::{CoverSize, MediaKey, PictureKind};
use crate::port::{Clock, MediaSigner, MediaStore, SignedPut};

/// A signer, the store that its URLs lead to, and whoever follows them.
pub struct MediaSignerFixture {
    /// What the URLs lead to.
    pub store: Arc<dyn MediaStore>,
    /// The signer under test.
    pub signer: Arc<dyn MediaSigner>,
    /// Signs for the same place, with a secret that it does not know.
    pub stranger: Arc<dyn MediaSigner>,
    /// Follows URLs.
    pub client: Arc<dyn PlainClient>,
    /// Shows the time that the URLs are checked against.
    pub clock: Arc<dyn Clock>,
    /// What is different here.
    pub ways: SignerWays,
    /// What must live as long as the store.
    pub keep: Keep,
}

/// In what a signer, or what stands for its store in tests, differs from the contract. A case asserts each as
/// it is declared, so that none is declared that is not there.
#[derive(Clone, Debug)]
pub struct SignerWays {
    /// It signs from the moment that it is told; otherwise from that of the system's clock.
    pub takes_the_moment: bool,
    /// Within half of a URL's life a key has one string.
    pub repeats_itself: bool,
    /// A URL to send to is good for one content type.
    pub binds_type: bool,
    /// A URL to send to is good for one length.
    pub binds_length: bool,
    /// What the store answers to what it refuses.
    pub refuses_with: &'static [u16],
}

impl SignerWays {
    /// Those of the contract.
    pub const CONTRACT: Self = Self {
        takes_the_moment: true,
        repeats_itself: true,
        binds_type: true,
        binds_length: true,
        refuses_with: &[403],
    };
}

/// An HTTP client without credentials of its own, which follows no redirects.
#[async_trait]
pub trait PlainClient: Send + Sync {
    /// Sends a request; no answer is a panic.
    async fn send(&self, request: PlainRequest) -> PlainAnswer;
}

/// What is asked.
#[derive(Debug)]
pub struct PlainRequest {
    /// In capitals.
    pub method: &'static str,
    /// Whom.
    pub url: Url,
    /// Without `Content-Length`, which follows from the body.
    pub headers: Vec<(String, String)>,
    /// Sent where the method is `PUT`.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct PlainAnswer {
    /// The status code.
    pub status: u16,
    /// `Content-Type`, if there is one.
    pub content_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

const HOUR: Duration = Duration::from_secs(3600);

/// As short as whole seconds allow for one that has to be waited for.
const SHORT: Duration = Duration::from_secs(2);

impl MediaSignerFixture {
    async fn store(&self, key: &MediaKey, content: &[u8]) {
        let body = stream::iter([Ok(Bytes::copy_from_slice(content))]).boxed();
        self.store.put(key, content.len() as u64, body).await.unwrap();
    }

    /// How long what is stored there is.
    async fn len(&self, key: &MediaKey) -> Option<u64> {
        self.store.head(key).await.unwrap().map(|meta| meta.len)
    }

    async fn read_url(&self, key: &MediaKey) -> Url {
        self.signer.sign_get(key, self.clock.now(), HOUR).await.unwrap().url
    }

    async fn write_url(&self, key: &MediaKey, len: u64) -> SignedPut {
        self.signer.sign_put(key, len, self.clock.now(), HOUR).await.unwrap()
    }

    async fn ask(&self, method: &'static str, url: &Url, headers: &[(&str, &str)]) -> PlainAnswer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let body = if method == "PUT" { b"other".to_vec() } else { Vec::new() };
        let request = PlainRequest { method, url: url.clone(), headers: headers.collect(), body };
        self.client.send(request).await
    }

    async fn get(&self, url: &Url) -> PlainAnswer {
        self.ask("GET", url, &[]).await
    }

    /// Sends to a URL, with its headers or another type.
    async fn send(&self, put: &SignedPut, url: &Url, is: Option<&str>, body: &[u8]) -> u16 {
        let mut headers = put.headers.clone();
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        if let Some(is) = is {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("content-type".to_owned(), is.to_owned()));
        }
        let request = PlainRequest { method: "PUT", url: url.clone(), headers, body: body.to_vec() };
        self.client.send(request).await.status
    }

    fn assert_refused(&self, status: u16, what: &str) {
        assert!(self.ways.refuses_with.contains(&status), "{what}: {status}");
    }

    /// Waits until this moment is over.
    async fn pass(&self, end: Timestamp) {
        let left = end.duration_since(self.clock.now());
        let left = Duration::try_from(left).unwrap_or_default();
        self.clock.sleep(left + Duration::from_millis(1_100)).await;
    }

    /// When to sign so that the URL has ended soon, and for how long.
    fn soon_over(&self) -> (Timestamp, Duration) {
        let now = self.clock.now();
        if self.ways.takes_the_moment { (now.checked_sub(2 * HOUR).unwrap(), HOUR) } else { (now, SHORT) }
    }
}

fn audio() -> MediaKey {
    MediaKey::audio(samples::id())
}

fn is_well(status: u16) -> bool {
    (200..300).contains(&status)
}

/// However it is put: some stores answer that they do not know the like.
fn is_refusal(status: u16) -> bool {
    status >= 400
}

/// The same URL for another object.
fn moved(url: &Url, from: &MediaKey, to: &MediaKey) -> Url {
    let moved = url.as_str().replace(from.as_str(), to.as_str());
    assert_ne!(moved, url.as_str(), "the URL names the object");
    moved.parse().unwrap()
}

/// The parameters of a URL, as they stand in it.
fn parameters(url: &Url) -> Vec<String> {
    url.query().unwrap().split('&').map(str::to_owned).collect()
}

fn with_parameters(url: &Url, parameters: &[String]) -> Url {
    let mut url = url.clone();
    url.set_query(Some(&parameters.join("&")));
    url
}

/// Makes a module of named tests that hold a signer to the contract of
/// [`MediaSigner`](crate::port::MediaSigner).
#[macro_export]
macro_rules! media_signer_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            media_signer,
            $name,
            $fixture,
            [
                a_url_reads_the_object_whole_and_in_part,
                a_url_is_good_for_one_object_and_for_reading,
                every_part_of_a_url_counts,
                a_url_ends,
                what_another_has_signed_opens_nothing,
                a_url_is_one_string_for_half_of_its_life,
                what_is_put_is_what_was_agreed,
                another_type_is_not_taken,
                another_length_is_not_taken,
                a_url_to_send_to_is_good_for_one_place_and_no_reading,
                a_url_to_send_to_ends,
            ]
        );
    };
}

/// Whoever holds the URL reads all of the object, or a part, as what it is.
pub async fn a_url_reads_the_object_whole_and_in_part(fixture: &MediaSignerFixture) {
    let key = audio();
    let content: Vec<u8> = (0..10_000_u32).map(|n| (n * 31 + n / 251) as u8).collect();
    fixture.store(&key, &content).await;
    let url = fixture.read_url(&key).await;
    let whole = fixture.get(&url).await;
    assert_eq!((whole.status, whole.content_type.as_str()), (200, "audio/mpeg"));
    assert!(whole.body == content);
    let part = fixture.ask("GET", &url, &[("range", "bytes=1000-1999")]).await;
    assert_eq!((part.status, part.content_type.as_str()), (206, "audio/mpeg"));
    assert!(part.body == content[1_000..2_000]);
    let cover = MediaKey::cover(samples::id(), CoverSize::Large);
    fixture.store(&cover, b"jpeg").await;
    let answer = fixture.get(&fixture.read_url(&cover).await).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "image/jpeg"));
}

/// It opens no other object, and changes none.
pub async fn a_url_is_good_for_one_object_and_for_reading(fixture: &MediaSignerFixture) {
    let (key, other) = (audio(), audio());
    fixture.store(&key, b"music").await;
    fixture.store(&other, b"other music").await;
    let url = fixture.read_url(&key).await;
    let answer = fixture.get(&moved(&url, &key, &other)).await;
    fixture.assert_refused(answer.status, "another object");
    for method in ["PUT", "DELETE"] {
        let headers = [("content-type", "audio/mpeg"), ("x-ms-blob-type", "BlockBlob")];
        let status = fixture.ask(method, &url, &headers).await.status;
        assert!(is_refusal(status), "{method}: {status}");
    }
    assert_eq!(fixture.get(&url).await.body, b"music");
}

/// A parameter that is changed or left away makes the URL worthless.
pub async fn every_part_of_a_url_counts(fixture: &MediaSignerFixture) {
    let key = audio();
    fixture.store(&key, b"music").await;
    let url = fixture.read_url(&key).await;
    let sound = parameters(&url);
    assert_eq!(fixture.get(&with_parameters(&url, &sound)).await.status, 200);
    for (place, parameter) in sound.iter().enumerate() {
        let (name, value) = parameter.split_once('=').unwrap();
        let digit = if value.starts_with('0') { '1' } else { '0' };
        let mut changed = sound.clone();
        changed[place] = format!("{name}={digit}{}", value.get(1..).unwrap_or_default());
        let mut shorter = sound.clone();
        shorter.remove(place);
        for (how, parameters) in [("changed", changed), ("left away", shorter)] {
            let answer = fixture.get(&with_parameters(&url, &parameters)).await;
            assert!(is_refusal(answer.status), "{name} {how}: {}", answer.status);
            assert_ne!(answer.body, b"music", "{name} {how}");
        }
    }
    let mut bare = url;
    bare.set_query(None);
    assert!(is_refusal(fixture.get(&bare).await.status), "no signature");
}

/// It works until its end, and not after it.
pub async fn a_url_ends(fixture: &MediaSignerFixture) {
    let key = audio();
    fixture.store(&key, b"music").await;
    let now = fixture.clock.now();
    let living = fixture.signer.sign_get(&key, now, HOUR).await.unwrap();
    let left = living.expires_at.duration_since(now).as_secs();
    // A second more than an hour if the clock went on meanwhile.
    assert!((1_799..=3_601).contains(&left), "{left} s");
    let (at, ttl) = fixture.soon_over();
    let ending = fixture.signer.sign_get(&key, at, ttl).await.unwrap();
    if !fixture.ways.takes_the_moment {
        fixture.pass(ending.expires_at).await;
    }
    assert!(ending.expires_at < fixture.clock.now());
    fixture.assert_refused(fixture.get(&ending.url).await.status, "ended");
    assert_eq!(fixture.get(&living.url).await.status, 200);
}

/// The secret decides, not the form.
pub async fn what_another_has_signed_opens_nothing(fixture: &MediaSignerFixture) {
    let (key, free) = (audio(), audio());
    fixture.store(&key, b"music").await;
    let foreign = fixture.stranger.sign_get(&key, fixture.clock.now(), HOUR).await.unwrap();
    fixture.assert_refused(fixture.get(&foreign.url).await.status, "to read");
    let foreign = fixture.stranger.sign_put(&free, 5, fixture.clock.now(), HOUR).await.unwrap();
    let status = fixture.send(&foreign, &foreign.url.url, None, b"music").await;
    fixture.assert_refused(status, "to send to");
    assert_eq!(fixture.len(&free).await, None);
}

/// So that caches work; where it is declared that they do not, two moments have two.
pub async fn a_url_is_one_string_for_half_of_its_life(fixture: &MediaSignerFixture) {
    let key = audio();
    if !fixture.ways.repeats_itself {
        let one = fixture.read_url(&key).await;
        fixture.clock.sleep(Duration::from_millis(1_100)).await;
        assert_ne!(one, fixture.read_url(&key).await, "it repeats itself, and is declared not to");
        return;
    }
    let half = 1_800;
    let begin = fixture.clock.now().as_second() / half * half;
    let mut seen = Vec::new();
    for second in [0, 1, half - 1, half, half + 1] {
        let at = Timestamp::from_second(begin + second).unwrap();
        let signed = fixture.signer.sign_get(&key, at, HOUR).await.unwrap();
        let left = signed.expires_at.duration_since(at).as_secs();
        assert!((half..=2 * half).contains(&left), "{left} s");
        seen.push(signed.url);
    }
    assert!(seen[0] == seen[1] && seen[1] == seen[2] && seen[2] != seen[3] && seen[3] == seen[4]);
}

/// What was agreed is taken, again and again, and is the object.
pub async fn what_is_put_is_what_was_agreed(fixture: &MediaSignerFixture) {
    let key = audio();
    let put = fixture.write_url(&key, 5).await;
    for content in [b"music", b"again"] {
        let status = fixture.send(&put, &put.url.url, None, content).await;
        assert!(is_well(status), "{status}");
        assert_eq!(fixture.len(&key).await, Some(5));
        assert_eq!(fixture.get(&fixture.read_url(&key).await).await.body, content);
    }
    let picture = MediaKey::upload_cover(samples::id(), PictureKind::Png);
    let put = fixture.write_url(&picture, 3).await;
    assert!(is_well(fixture.send(&put, &put.url.url, None, b"png").await));
    assert_eq!(fixture.len(&picture).await, Some(3));
}

/// Nor does it become an object; where it is declared that it is taken, it is.
pub async fn another_type_is_not_taken(fixture: &MediaSignerFixture) {
    let key = MediaKey::upload_part(samples::id(), 1);
    let put = fixture.write_url(&key, 5).await;
    let status = fixture.send(&put, &put.url.url, Some("text/html"), b"music").await;
    if fixture.ways.binds_type {
        fixture.assert_refused(status, "another type");
        assert_eq!(fixture.len(&key).await, None);
    } else {
        assert!(is_well(status), "it binds the type, and is declared not to: {status}");
    }
}

/// Nor does it become an object; where it is declared that it is taken, the store tells how long it is, so that
/// whoever looks at uploads sees it.
pub async fn another_length_is_not_taken(fixture: &MediaSignerFixture) {
    for content in [&b"longer"[..], b"tiny"] {
        let key = MediaKey::upload_part(samples::id(), 1);
        let put = fixture.write_url(&key, 5).await;
        let status = fixture.send(&put, &put.url.url, None, content).await;
        if fixture.ways.binds_length {
            fixture.assert_refused(status, "another length");
            assert_eq!(fixture.len(&key).await, None);
        } else {
            assert!(is_well(status), "it binds the length, and is declared not to: {status}");
            assert_eq!(fixture.len(&key).await, Some(content.len() as u64));
        }
    }
}

/// It reaches no other part, no track, and gives nothing back.
pub async fn a_url_to_send_to_is_good_for_one_place_and_no_reading(fixture: &MediaSignerFixture) {
    let id = samples::id();
    let (key, other) = (MediaKey::upload_part(id, 1), MediaKey::upload_part(id, 2));
    let track = audio();
    let put = fixture.write_url(&key, 5).await;
    for there in [&other, &track] {
        let status = fixture.send(&put, &moved(&put.url.url, &key, there), None, b"music").await;
        fixture.assert_refused(status, there.as_str());
        assert_eq!(fixture.len(there).await, None);
    }
    assert!(is_well(fixture.send(&put, &put.url.url, None, b"music").await));
    for method in ["GET", "DELETE"] {
        let answer = fixture.ask(method, &put.url.url, &[]).await;
        assert!(is_refusal(answer.status), "{method}: {}", answer.status);
        assert_ne!(answer.body, b"music");
    }
    assert_eq!(fixture.len(&key).await, Some(5));
}

/// Nothing is taken after its end.
pub async fn a_url_to_send_to_ends(fixture: &MediaSignerFixture) {
    let key = MediaKey::upload_part(samples::id(), 1);
    let (at, ttl) = fixture.soon_over();
    let put = fixture.signer.sign_put(&key, 5, at, ttl).await.unwrap();
    if !fixture.ways.takes_the_moment {
        fixture.pass(put.url.expires_at).await;
    }
    assert!(put.url.expires_at < fixture.clock.now());
    let status = fixture.send(&put, &put.url.url, None, b"music").await;
    fixture.assert_refused(status, "ended");
    assert_eq!(fixture.len(&key).await, None);
}
