//! How a file is opened, or why not.

use std::path::{Path, PathBuf};

use futures::future::join_all;
use moodify_adapters::sql::SqlConnectError;
use sqlx::Executor;

use crate::{count, folder, open, raw, sign_up, try_open};

async fn refusal(path: &Path) -> SqlConnectError {
    match try_open(path).await {
        Ok(_) => panic!("opened {}", path.display()),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
            error
        }
    }
}

#[tokio::test]
async fn makes_the_folder_and_the_file_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, _) = folder();
    let path = folder.path().join("new/deep/moodify.db");
    let store = open(&path).await;
    sign_up(&store).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn says_that_the_folder_cannot_be_made() {
    let (folder, _) = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refusal(&file.join("moodify.db")).await;
    assert!(matches!(error, SqlConnectError::Folder { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_the_path_is_a_folder() {
    let (folder, _) = folder();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, SqlConnectError::NotWritable { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_the_file_is_no_database() {
    let (_folder, path) = folder();
    let text = "This is a shopping list. ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, SqlConnectError::NotADatabase { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn says_that_the_file_is_damaged() {
    let (_folder, path) = folder();
    open(&path).await.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, SqlConnectError::NotADatabase { .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_a_newer_version_was_here() {
    let (_folder, path) = folder();
    open(&path).await.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', 1, x'00', 0)";
    raw(&path).await.execute(newer).await.unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, SqlConnectError::TooNew { found: 9999, .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_another_build_was_here() {
    let (_folder, path) = folder();
    open(&path).await.close().await;
    let differs = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2";
    raw(&path).await.execute(differs).await.unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, SqlConnectError::OtherBuild { version: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn says_that_another_process_holds_a_lock() {
    let (_folder, path) = folder();
    open(&path).await.close().await;
    let mut other = raw(&path).await;
    other.execute("PRAGMA locking_mode = EXCLUSIVE").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, SqlConnectError::Locked { .. }), "{error:?}");
    other.execute("ROLLBACK").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_on_a_new_file_all_succeed() {
    for _ in 0..5 {
        let (_folder, path) = folder();
        let opened = (0..6).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { open(&path).await })
        });
        for store in join_all(opened).await {
            sign_up(&store.unwrap()).await;
        }
        assert_eq!(count(&path, "accounts").await, 6);
    }
}
