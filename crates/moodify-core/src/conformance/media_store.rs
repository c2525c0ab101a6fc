//! Holds a [`MediaStore`] to its contract.

use std::{any::Any, collections::BTreeSet, io, sync::Arc};

use bytes::Bytes;
use futures::future::{FutureExt, join_all};
use futures::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::{Keep, samples};
use crate::model::{ByteStream, CoverSize, MediaKey, PictureKind};
use crate::port::{ByteRange, MediaError, MediaObject, MediaStore};

/// A store without objects.
pub struct MediaStoreFixture {
    /// The store under test.
    pub store: Arc<dyn MediaStore>,
    /// What must live as long as the store.
    pub keep: Keep,
}

impl MediaStoreFixture {
    /// A fixture; `keep` is `()` when nothing has to live as long as the store.
    pub fn new(store: Arc<dyn MediaStore>, keep: impl Any + Send + Sync) -> Self {
        Self { store, keep: Box::new(keep) }
    }

    async fn put(&self, key: &MediaKey, content: &[u8]) {
        self.store.put(key, content.len() as u64, body(content, 100)).await.unwrap();
    }

    async fn content(&self, key: &MediaKey) -> Vec<u8> {
        read(self.store.get(key, None).await.unwrap()).await
    }

    async fn listed(&self) -> BTreeSet<MediaKey> {
        let keys: Vec<_> = self.store.list().try_collect().await.unwrap();
        let distinct: BTreeSet<_> = keys.iter().cloned().collect();
        assert_eq!(distinct.len(), keys.len(), "a key was listed twice");
        distinct
    }

    async fn assert_absent(&self, key: &MediaKey) {
        for range in [None, Some(0..1)] {
            let answer = self.store.get(key, range).await;
            assert!(matches!(answer, Err(MediaError::NotFound)), "{answer:?}");
        }
        assert_eq!(self.store.head(key).await.unwrap(), None);
        assert!(!self.listed().await.contains(key));
    }

    /// Tries a body that must fail, on a free key and on one that holds something.
    async fn assert_refused(&self, len: u64, failing: impl Fn() -> ByteStream<'static>) {
        let (free, held) = (audio(), audio());
        self.put(&held, b"what it held before").await;
        let meta = self.store.head(&held).await.unwrap();
        let listed = self.listed().await;
        for key in [&free, &held] {
            let refused = self.store.put(key, len, failing()).await;
            assert!(matches!(refused, Err(MediaError::Body(_))), "{refused:?}");
        }
        self.assert_absent(&free).await;
        assert_eq!(self.content(&held).await, b"what it held before");
        assert_eq!(self.store.head(&held).await.unwrap(), meta);
        assert_eq!(self.listed().await, listed);
    }
}

fn audio() -> MediaKey {
    MediaKey::audio(samples::id())
}

/// This many bytes in which no two neighbours of a page size apart are alike.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 251) as u8).collect()
}

fn body(content: &[u8], piece: usize) -> ByteStream<'static> {
    let pieces: Vec<_> = content.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn read(object: MediaObject) -> Vec<u8> {
    let pieces: Vec<Bytes> = object.body.try_collect().await.unwrap();
    pieces.concat()
}

/// Makes a module of named tests that hold a store to the contract of
/// [`MediaStore`](crate::port::MediaStore).
#[macro_export]
macro_rules! media_store_suite {
    ($name:ident, $fixture:path) => {
        $crate::__suite!(
            media_store,
            $name,
            $fixture,
            [
                a_stored_object_is_read_back,
                bodies_come_in_pieces_of_any_size,
                an_empty_object_is_an_object,
                an_unknown_object_is_not_found,
                a_range_is_that_part_of_the_object,
                a_range_outside_the_object_is_refused,
                an_object_is_replaced_whole,
                the_validator_changes_with_the_content,
                a_short_body_changes_nothing,
                a_long_body_changes_nothing,
                a_failing_body_changes_nothing,
                an_abandoned_body_changes_nothing,
                deleted_objects_are_gone,
                deleting_nothing_is_no_error,
                objects_are_apart,
                every_object_is_listed,
                what_waits_to_be_looked_at_is_an_object_too,
                a_large_body_streams_through,
                concurrent_bodies_do_not_mix,
            ]
        );
    };
}

/// An object comes back byte for byte, and is described the same by both reads.
pub async fn a_stored_object_is_read_back(fixture: &MediaStoreFixture) {
    let (key, content) = (audio(), content(100_000));
    fixture.put(&key, &content).await;
    let object = fixture.store.get(&key, None).await.unwrap();
    assert_eq!(object.meta.len, content.len() as u64);
    let etag = object.meta.etag.as_str();
    assert!(!etag.is_empty() && etag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{etag:?}");
    assert_eq!(fixture.store.head(&key).await.unwrap().as_ref(), Some(&object.meta));
    assert_eq!(read(object).await, content);
}

/// Into which pieces a body falls is of no matter, empty ones included.
pub async fn bodies_come_in_pieces_of_any_size(fixture: &MediaStoreFixture) {
    let content = content(5_000);
    for piece in [1, 7, 4_999, 5_000] {
        let key = audio();
        let empty = || stream::iter([Ok(Bytes::new())]);
        let body = empty()
            .chain(body(&content, piece).flat_map(move |piece| stream::iter([piece, Ok(Bytes::new())])));
        fixture.store.put(&key, 5_000, body.boxed()).await.unwrap();
        assert_eq!(fixture.content(&key).await, content, "pieces of {piece}");
    }
}

/// An object of no bytes is there, and has no ranges.
pub async fn an_empty_object_is_an_object(fixture: &MediaStoreFixture) {
    let key = audio();
    fixture.put(&key, b"").await;
    assert_eq!(fixture.content(&key).await, b"");
    assert_eq!(fixture.store.head(&key).await.unwrap().map(|meta| meta.len), Some(0));
    let refused = fixture.store.get(&key, Some(0..1)).await;
    assert!(matches!(refused, Err(MediaError::OutOfRange { len: 0 })), "{refused:?}");
}

/// What never was is not found, by no read.
pub async fn an_unknown_object_is_not_found(fixture: &MediaStoreFixture) {
    fixture.put(&audio(), b"another").await;
    fixture.assert_absent(&audio()).await;
}

/// A range gives its bytes and the description of the whole.
pub async fn a_range_is_that_part_of_the_object(fixture: &MediaStoreFixture) {
    let (key, content) = (audio(), content(200_000));
    fixture.put(&key, &content).await;
    let meta = fixture.store.head(&key).await.unwrap();
    for range in [0..1, 0..200_000, 199_999..200_000, 1..199_999, 65_535..65_537, 131_072..131_073] {
        let object = fixture.store.get(&key, Some(range.clone())).await.unwrap();
        assert_eq!(Some(&object.meta), meta.as_ref());
        let expected = &content[range.start as usize..range.end as usize];
        assert!(read(object).await == expected, "range {range:?}");
    }
}

/// An empty range, a reversed one, and one that reaches past the end are refused with the size.
pub async fn a_range_outside_the_object_is_refused(fixture: &MediaStoreFixture) {
    let key = audio();
    fixture.put(&key, &content(1_000)).await;
    for (start, end) in [
        (0, 0),
        (5, 5),
        (10, 5),
        (0, 1_001),
        (1_000, 1_001),
        (1_000, 1_000),
        (999, u64::MAX),
        (u64::MAX - 1, u64::MAX),
    ] {
        let refused = fixture.store.get(&key, Some(ByteRange { start, end })).await;
        assert!(matches!(refused, Err(MediaError::OutOfRange { len: 1_000 })), "{start}..{end}: {refused:?}");
    }
}

/// A second body takes the place of the first, longer or shorter.
pub async fn an_object_is_replaced_whole(fixture: &MediaStoreFixture) {
    let key = audio();
    for len in [1_000, 50, 3_000] {
        let content = content(len);
        fixture.put(&key, &content).await;
        assert_eq!(fixture.content(&key).await, content);
    }
    assert_eq!(fixture.listed().await, BTreeSet::from([key]));
}

/// Other bytes of the same length have another validator.
pub async fn the_validator_changes_with_the_content(fixture: &MediaStoreFixture) {
    let key = audio();
    let mut seen = BTreeSet::new();
    for n in 0..20_u8 {
        fixture.put(&key, &[n; 64]).await;
        let meta = fixture.store.head(&key).await.unwrap().expect("the object");
        assert!(seen.insert(meta.etag), "a validator came twice");
    }
}

/// A body that ends early is refused, and the key holds what it held before.
pub async fn a_short_body_changes_nothing(fixture: &MediaStoreFixture) {
    fixture.assert_refused(1_001, || body(&content(1_000), 100)).await;
    fixture.assert_refused(1, || body(b"", 1)).await;
}

/// A body that goes on is refused, and the key holds what it held before.
pub async fn a_long_body_changes_nothing(fixture: &MediaStoreFixture) {
    fixture.assert_refused(999, || body(&content(1_000), 100)).await;
    fixture.assert_refused(900, || body(&content(1_000), 100)).await;
    fixture.assert_refused(0, || body(b"x", 1)).await;
}

/// A body whose sender is lost is refused, even after the last byte, and the key holds what it
/// held before.
pub async fn a_failing_body_changes_nothing(fixture: &MediaStoreFixture) {
    for sent in [0, 500, 1_000] {
        let failing = || {
            let lost = Err(io::Error::new(io::ErrorKind::ConnectionReset, "the sender is lost"));
            body(&content(sent), 100).chain(stream::iter([lost])).boxed()
        };
        fixture.assert_refused(1_000, failing).await;
    }
}

/// A call that is dropped half-way leaves the key as it was.
pub async fn an_abandoned_body_changes_nothing(fixture: &MediaStoreFixture) {
    let (free, held) = (audio(), audio());
    fixture.put(&held, b"what it held before").await;
    for key in [&free, &held] {
        let (last_piece_taken, taken) = tokio::sync::oneshot::channel();
        let stuck = stream::once(async move {
            let _ = last_piece_taken.send(());
            std::future::pending().await
        });
        let body = body(&content(1_000), 100).chain(stuck).boxed();
        tokio::select! {
            answer = fixture.store.put(key, 2_000, body) => panic!("the body has no end: {answer:?}"),
            taken = taken => taken.unwrap(),
        }
    }
    fixture.assert_absent(&free).await;
    assert_eq!(fixture.content(&held).await, b"what it held before");
    assert_eq!(fixture.listed().await, BTreeSet::from([held]));
}

/// A deleted object is found by no read.
pub async fn deleted_objects_are_gone(fixture: &MediaStoreFixture) {
    let (key, other) = (audio(), audio());
    fixture.put(&key, b"one").await;
    fixture.put(&other, b"two").await;
    fixture.store.delete(&key).await.unwrap();
    fixture.assert_absent(&key).await;
    assert_eq!(fixture.content(&other).await, b"two");
    fixture.put(&key, b"again").await;
    assert_eq!(fixture.content(&key).await, b"again");
}

/// Deleting twice, or what never was, succeeds.
pub async fn deleting_nothing_is_no_error(fixture: &MediaStoreFixture) {
    let key = audio();
    fixture.store.delete(&key).await.unwrap();
    fixture.put(&key, b"one").await;
    fixture.store.delete(&key).await.unwrap();
    fixture.store.delete(&key).await.unwrap();
    fixture.assert_absent(&key).await;
}

/// Audio and the sizes of a cover with one id are different objects.
pub async fn objects_are_apart(fixture: &MediaStoreFixture) {
    let id = samples::id();
    let keys =
        [MediaKey::audio(id), MediaKey::cover(id, CoverSize::Small), MediaKey::cover(id, CoverSize::Large)];
    for key in &keys {
        fixture.put(key, key.as_str().as_bytes()).await;
    }
    for key in &keys {
        assert_eq!(fixture.content(key).await, key.as_str().as_bytes());
    }
    fixture.store.delete(&keys[1]).await.unwrap();
    assert_eq!(fixture.listed().await, BTreeSet::from([keys[0].clone(), keys[2].clone()]));
}

/// The list holds every object and nothing else; that of an empty store is empty.
pub async fn every_object_is_listed(fixture: &MediaStoreFixture) {
    assert_eq!(fixture.listed().await, BTreeSet::new());
    let mut expected = BTreeSet::new();
    for _ in 0..30 {
        let id = samples::id();
        for key in [MediaKey::audio(id), MediaKey::cover(id, CoverSize::Large)] {
            fixture.put(&key, b"x").await;
            expected.insert(key);
        }
    }
    assert_eq!(fixture.listed().await, expected);
}

/// Eight megabytes in small pieces go in and come out the same.
pub async fn a_large_body_streams_through(fixture: &MediaStoreFixture) {
    const PIECES: usize = 8 * 1024;
    let key = audio();
    let piece = |n: usize| Bytes::from(vec![(n % 251) as u8; 1024]);
    let mut expected = Sha256::new();
    (0..PIECES).for_each(|n| expected.update(piece(n)));
    let body = stream::iter(0..PIECES).map(move |n| Ok(piece(n))).boxed();
    fixture.store.put(&key, PIECES as u64 * 1024, body).await.unwrap();

    let mut object = fixture.store.get(&key, None).await.unwrap();
    assert_eq!(object.meta.len, PIECES as u64 * 1024);
    let mut found = Sha256::new();
    while let Some(piece) = object.body.try_next().await.unwrap() {
        found.update(&piece);
    }
    assert!(found.finalize() == expected.finalize());
    let last = fixture.store.get(&key, Some(8_388_607..8_388_608)).await.unwrap();
    assert_eq!(read(last).await, [((PIECES - 1) % 251) as u8]);
}

/// Of bodies that are put at one key at the same time, one stays whole; readers never see another
/// one, nor a mixture.
pub async fn concurrent_bodies_do_not_mix(fixture: &MediaStoreFixture) {
    let key = audio();
    fixture.put(&key, &[0; 10_000]).await;
    let writers = (1..=8_u8).map(|n| {
        let (store, key) = (fixture.store.clone(), key.clone());
        tokio::spawn(async move {
            let body = body(&[n; 10_000], 500).then(|piece| async {
                tokio::task::yield_now().await;
                piece
            });
            store.put(&key, 10_000, body.boxed()).await.unwrap();
        })
    });
    let mut writers = join_all(writers).boxed();
    loop {
        let content = fixture.content(&key).await;
        assert_eq!(content.len(), 10_000);
        assert!(content.iter().all(|byte| *byte == content[0]), "two bodies were mixed");
        if let Some(done) = (&mut writers).now_or_never() {
            done.into_iter().for_each(Result::unwrap);
            break;
        }
        tokio::task::yield_now().await;
    }
    let content = fixture.content(&key).await;
    assert!(content[0] != 0 && content.iter().all(|byte| *byte == content[0]));
}

/// Parts of direct uploads and their pictures are kept, listed and removed under keys of their own.
pub async fn what_waits_to_be_looked_at_is_an_object_too(fixture: &MediaStoreFixture) {
    let (id, other) = (samples::id(), samples::id());
    let keys = [
        MediaKey::upload_part(id, 1),
        MediaKey::upload_part(id, 2),
        MediaKey::upload_part(id, 12),
        MediaKey::upload_part(other, 1),
        MediaKey::upload_cover(id, PictureKind::Jpeg),
        MediaKey::upload_cover(id, PictureKind::Png),
    ];
    for (n, key) in keys.iter().enumerate() {
        fixture.put(key, &content(n + 1)).await;
    }
    assert_eq!(fixture.listed().await, keys.iter().cloned().collect());
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(fixture.content(key).await, content(n + 1), "{key}");
        assert_eq!(fixture.store.head(key).await.unwrap().map(|meta| meta.len), Some(n as u64 + 1), "{key}");
    }
    // Sent again, the part is what came last.
    fixture.put(&keys[1], b"again").await;
    assert_eq!(fixture.content(&keys[1]).await, b"again");
    for key in &keys[..3] {
        fixture.store.delete(key).await.unwrap();
        fixture.assert_absent(key).await;
    }
    assert_eq!(fixture.listed().await, keys[3..].iter().cloned().collect());
}
