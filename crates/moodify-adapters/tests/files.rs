//! Media in a local folder: the port's contract, and what goes beyond it.
#![cfg(feature = "files")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests report by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use moodify_adapters::files::FileMediaStore;
use moodify_core::conformance::MediaStoreFixture;
use moodify_core::model::{ByteStream, MediaKey};
use moodify_core::port::{MediaError, MediaStore};

async fn fixture() -> MediaStoreFixture {
    let folder = tempfile::tempdir().unwrap();
    let store = FileMediaStore::open(folder.path()).unwrap();
    MediaStoreFixture::new(Arc::new(store), folder)
}

moodify_core::media_store_suite!(contract, fixture);

fn key() -> MediaKey {
    MediaKey::parse("audio/01890a5d-ac96-774b-bcce-b302099a8057.mp3").unwrap()
}

fn body(bytes: &[u8]) -> ByteStream<'static> {
    let chunks: Vec<_> = bytes.chunks(70_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks).boxed()
}

async fn content(store: &FileMediaStore) -> Vec<u8> {
    let chunks: Vec<Bytes> = store.get(&key(), None).await.unwrap().body.try_collect().await.unwrap();
    chunks.concat()
}

#[tokio::test]
async fn other_users_of_the_machine_cannot_look_in() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    fs::set_permissions(&there, Permissions::from_mode(0o750)).unwrap();
    for (root, mode) in [(&made, 0o700), (&there, 0o750)] {
        FileMediaStore::open(root).unwrap();
        assert_eq!(fs::metadata(root).unwrap().permissions().mode() & 0o777, mode, "{}", root.display());
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else {
            found.push(name);
        }
    }
    found
}

#[tokio::test]
async fn an_object_is_one_file_named_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    let store = FileMediaStore::open(&root).unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    store.put(&key(), bytes.len() as u64, body(&bytes)).await.unwrap();
    assert_eq!(files(&root), [key().as_str()]);
    assert!(fs::read(root.join(key().as_str())).unwrap() == bytes);

    let reopened = FileMediaStore::open(&root).unwrap();
    assert!(content(&reopened).await == bytes);
    let part = reopened.get(&key(), Some(2_999_990..3_000_000)).await.unwrap();
    let part: Vec<Bytes> = part.body.try_collect().await.unwrap();
    assert_eq!(part.concat(), bytes[2_999_990..]);
}

#[tokio::test]
async fn a_failed_upload_leaves_neither_trace_nor_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileMediaStore::open(folder.path()).unwrap();
    store.put(&key(), 5, body(b"whole")).await.unwrap();
    let before = store.head(&key()).await.unwrap();

    let torn = stream::iter([Ok(Bytes::from(vec![1; 2_000_000])), Err(std::io::Error::other("gone"))]);
    for (len, body) in [(9_000_000, torn.boxed()), (4, body(b"longer")), (9, body(b"shorter"))] {
        let refused = store.put(&key(), len, body).await;
        assert!(matches!(refused, Err(MediaError::Body(_))), "{refused:?}");
        assert_eq!(files(folder.path()), [key().as_str()]);
    }
    assert_eq!(store.head(&key()).await.unwrap(), before);
    assert_eq!(content(&store).await, b"whole");
}

#[tokio::test]
async fn an_abandoned_upload_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileMediaStore::open(folder.path()).unwrap();
    let never_ending = stream::iter([Ok(Bytes::from_static(b"x"))]).chain(stream::pending());
    assert!(store.put(&key(), 9, never_ending.boxed()).now_or_never().is_none());
    assert_eq!(store.head(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_and_strangers_files_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".incoming")).unwrap();
    fs::create_dir_all(folder.path().join("audio")).unwrap();
    for name in [".incoming/99-0.part", ".incoming/99-0.part#1", "audio/holiday.jpg", "README"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let store = FileMediaStore::open(folder.path()).unwrap();
    let mut left = files(folder.path());
    left.sort();
    assert_eq!(left, ["README", "audio/holiday.jpg"]);
    assert_eq!(store.list().try_collect::<Vec<_>>().await.unwrap(), []);
}

#[tokio::test]
async fn check_tries_it_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileMediaStore::open(folder.path()).unwrap();
    store.check().await.unwrap();
    assert_eq!(files(folder.path()), Vec::<String>::new());

    // The folder is gone: even a superuser cannot write there.
    fs::remove_dir_all(folder.path()).unwrap();
    let fault = store.check().await.unwrap_err();
    assert!(fault.to_string().contains(folder.path().to_str().unwrap()), "{fault}");
    let refused = store.put(&key(), 1, body(b"x")).await;
    assert!(matches!(refused, Err(MediaError::Unavailable(_))), "{refused:?}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let Err(fault) = FileMediaStore::open(file.join("media")) else { panic!("a file is no folder") };
    assert!(!fault.retryable);
    assert!(fault.to_string().contains(file.to_str().unwrap()), "{fault}");
}
