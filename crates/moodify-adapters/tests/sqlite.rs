//! What is particular to the SQLite adapters: the file, its faults, and what survives.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use moodify_adapters::sql::{SqlConnectError, SqlQueue, SqlStore, SqliteConfig};
use moodify_core::conformance::samples;
use moodify_core::model::{Event, EventKind, KeyPurpose, NewAccount, PageSize};
use moodify_core::port::{
    CatalogStore, Claim, Consumer, KeyStore, Letters, Outbox, Queue, SendLog, Unavailable, UserStore,
    UserStoreError,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(30);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moodify.db");
    (folder, path)
}

async fn try_open(path: &Path) -> Result<SqlStore, SqlConnectError> {
    let mut config = SqliteConfig::new(path);
    config.busy_timeout = Duration::from_millis(200);
    SqlStore::connect(&config.into()).await
}

async fn open(path: &Path) -> SqlStore {
    SqlStore::connect(&SqliteConfig::new(path).into()).await.unwrap()
}

/// A connection of somebody else's.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn count(path: &Path, table: &'static str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query(query).fetch_one(&mut raw(path).await).await.unwrap().get(0)
}

async fn sign_up(store: &SqlStore) -> (NewAccount, Event) {
    let (new, event) = (samples::account(), samples::event(EventKind::AccountCreated));
    let session = samples::session(&new.account);
    store.create_account(&new, &session, std::slice::from_ref(&event)).await.unwrap();
    (new, event)
}

mod start {
    use super::*;

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
    async fn who_comes_beside_others_makes_a_new_file_and_changes_no_older_one() {
        let (_folder, path) = folder();
        let beside = async || SqlStore::connect_beside(&SqliteConfig::new(&path).into()).await;
        beside().await.unwrap().close().await;
        let mut connection = raw(&path).await;
        let last = "FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
        connection.execute(AssertSqlSafe(format!("CREATE TABLE last AS SELECT * {last}"))).await.unwrap();
        connection.execute(AssertSqlSafe(format!("DELETE {last}"))).await.unwrap();
        let error = beside().await.err().unwrap();
        assert!(matches!(error, SqlConnectError::TooOld { found, known, .. } if found < known), "{error:?}");
        connection.execute("INSERT INTO _sqlx_migrations SELECT * FROM last").await.unwrap();
        beside().await.unwrap().close().await;
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
}

mod upgrade {
    use super::*;

    /// A database of the version before sessions had keys, with one account and its session.
    async fn old(path: &Path, with_key: bool) -> (Vec<u8>, Vec<u8>) {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::migrate!("migrations/sqlite").run_to(3, &mut connection).await.unwrap();
        let id = |n: u8| vec![n; 16];
        let accounts = "INSERT INTO accounts (id, email, email_verified, first_name, last_name, created_at)
                        VALUES ($1, 'ada@example.com', 0, 'Ada', 'Lovelace', 1)";
        sqlx::query(accounts).bind(id(1)).execute(&mut connection).await.unwrap();
        let sessions = "INSERT INTO sessions (id, account_id, token_hash, generation, rotated_at,
                                              idle_expires_at, expires_at, created_at)
                        VALUES ($1, $2, zeroblob(32), 7, 2, 3, 4, 5)";
        sqlx::query(sessions).bind(id(2)).bind(id(1)).execute(&mut connection).await.unwrap();
        if with_key {
            let keys = "INSERT INTO keys (id, purpose, created_at, secret, first)
                        VALUES ($1, 'refresh_token', 1, zeroblob(32), 1)";
            sqlx::query(keys).bind(id(3)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
        (id(2), id(3))
    }

    fn uuid(bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    #[tokio::test]
    async fn sessions_go_on_with_the_key_that_they_were_refreshed_with() {
        let (_folder, path) = folder();
        let (id, key) = old(&path, true).await;
        let store = open(&path).await;
        let session = store.session(uuid(&id).parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(session.key_id.to_string(), uuid(&key));
        assert_eq!((session.generation, session.user_agent), (7, None));
        let known = store.credentials_of(session.account_id).await.unwrap().unwrap();
        assert_eq!((known.revision, known.account.email.as_str()), (0, "ada@example.com"));
        assert!(store.delete_account(session.account_id, 0, &[]).await.unwrap());
        assert_eq!(store.session(session.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn sessions_that_nobody_ever_refreshed_end() {
        let (_folder, path) = folder();
        let (id, _) = old(&path, false).await;
        let store = open(&path).await;
        assert_eq!(store.session(uuid(&id).parse().unwrap()).await.unwrap(), None);
        assert_eq!(count(&path, "accounts").await, 1);
    }
}

mod survival {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn reopening_keeps_everything() {
        let (_folder, path) = folder();
        let (first, now) = (open(&path).await, samples::moment());
        let (new, signed_up) = sign_up(&first).await;
        let session = samples::session(&new.account);
        first.create_session(&session, 0).await.unwrap();
        let key = samples::key(KeyPurpose::AccessToken);
        assert!(first.add_key(&key, true).await.unwrap());
        let artist = samples::artist();
        first.upsert_artist(&artist).await.unwrap();
        let track = samples::track(&artist);
        first.create_track(&track).await.unwrap();
        let playlist = samples::playlist(new.account.id);
        first.create_playlist(&playlist, &samples::entries([&track, &track])).await.unwrap();
        let queue = first.queue();
        let consumer = Consumer { name: "notification", kinds: EventKind::ALL.to_vec() };
        queue.declare(&consumer).await.unwrap();
        let event = samples::event(EventKind::TrackPublished);
        queue.publish(&event, now).await.unwrap();
        first.mark_sent(event.id, moodify_core::model::MailKind::Welcome, now).await.unwrap();
        first.close().await;

        let second = open(&path).await;
        assert_eq!(second.account(new.account.id).await.unwrap(), Some(new.account));
        assert_eq!(second.session(session.id).await.unwrap(), Some(session));
        assert_eq!(second.keys(KeyPurpose::AccessToken).await.unwrap()[0].expose(), key.expose());
        assert_eq!(second.artist(artist.id).await.unwrap(), Some(artist));
        assert_eq!(second.track(track.id).await.unwrap(), Some(track));
        assert_eq!(second.playlist_entries(playlist.id, PageSize::MAX, None).await.unwrap().items.len(), 2);
        assert_eq!(second.lease(10, now, LEASE).await.unwrap(), [signed_up]);
        let delivered = second.queue().receive("notification", 10, now, LEASE).await.unwrap();
        assert_eq!(delivered[0].event, event);
        let claim = second.claim(event.id, moodify_core::model::MailKind::Welcome, now, LEASE).await.unwrap();
        assert_eq!(claim, Claim::Sent);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_pools_on_one_file_lose_no_write() {
        let (_folder, path) = folder();
        let writers = (0..2).map(|_| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = open(&path).await;
                for _ in 0..50 {
                    sign_up(&store).await;
                }
            })
        });
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        assert_eq!(count(&path, "accounts").await, 100);
        assert_eq!(count(&path, "outbox").await, 100);
    }

    const PATH: &str = "MOODIFY_TEST_DATABASE";

    /// Not a test: the process that [`a_killed_process_loses_nothing_it_acknowledged`] kills.
    #[tokio::test]
    #[ignore = "runs as the child of another test"]
    async fn child_that_signs_people_up_for_ever() {
        let store = open(Path::new(&std::env::var(PATH).unwrap())).await;
        loop {
            let (new, event) = sign_up(&store).await;
            writeln!(std::io::stderr(), "{} {}", new.account.id, event.id).unwrap();
        }
    }

    #[tokio::test]
    async fn a_killed_process_loses_nothing_it_acknowledged() {
        let (_folder, path) = folder();
        // Beside the child, so that it is also the second process on the file.
        let store = open(&path).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "survival::child_that_signs_people_up_for_ever", "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut acknowledged: Vec<String> = lines.by_ref().take(30).map(Result::unwrap).collect();
        let mine = sign_up(&store).await;
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.map(Result::unwrap));

        let events = store.lease(10_000, samples::moment(), LEASE).await.unwrap();
        // The kill may have cut the last line.
        acknowledged.retain(|line| line.len() == 73);
        assert!(acknowledged.len() >= 29);
        assert_eq!(store.account(mine.0.account.id).await.unwrap(), Some(mine.0.account));
        for line in acknowledged {
            let (account, event) = line.split_once(' ').unwrap();
            assert!(store.account(account.parse().unwrap()).await.unwrap().is_some(), "{line}");
            assert!(events.iter().any(|stored| stored.id.to_string() == event), "{line}");
        }
    }
}

mod faults {
    use super::*;

    fn unavailable<T: std::fmt::Debug>(result: Result<T, UserStoreError>) -> Unavailable {
        match result {
            Err(UserStoreError::Unavailable(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_lock_that_lasts_too_long_may_pass() {
        let (_folder, path) = folder();
        let store = try_open(&path).await.unwrap();
        let (new, _) = sign_up(&store).await;
        let mut other = raw(&path).await;
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let session = samples::session(&new.account);
        assert!(unavailable(store.create_session(&session, 0).await).retryable);
        assert!(store.session(session.id).await.unwrap().is_none());
        other.execute("ROLLBACK").await.unwrap();
        store.create_session(&session, 0).await.unwrap();
    }

    #[tokio::test]
    async fn a_missing_table_stays_missing() {
        let (_folder, path) = folder();
        let store = open(&path).await;
        let (new, _) = sign_up(&store).await;
        raw(&path).await.execute("DROP TABLE sessions").await.unwrap();
        assert!(!unavailable(store.create_session(&samples::session(&new.account), 0).await).retryable);
    }

    #[tokio::test]
    async fn a_value_that_was_never_stored_by_us_is_reported() {
        let (_folder, path) = folder();
        let store = open(&path).await;
        let (new, _) = sign_up(&store).await;
        raw(&path).await.execute("UPDATE accounts SET first_name = ''").await.unwrap();
        let fault = unavailable(store.account(new.account.id).await.map(drop));
        assert!(!fault.retryable && fault.to_string().contains("first_name"), "{fault}");
    }

    #[tokio::test]
    async fn an_unreadable_event_does_not_block_the_others() {
        let (_folder, path) = folder();
        let store = open(&path).await;
        let mut events = samples::events();
        let (new, _) = sign_up(&store).await;
        let session = samples::session(&new.account);
        store.create_session(&session, 0).await.unwrap();
        store.end_session(session.id, &events).await.unwrap();
        let broken = events.remove(1);
        let unknown = sqlx::query("UPDATE outbox SET event = '{}' WHERE id = $1 OR seq = 1");
        let id = broken.id.as_uuid().as_bytes().to_vec();
        unknown.bind(id).execute(&mut raw(&path).await).await.unwrap();
        assert_eq!(store.lease(100, samples::moment(), LEASE).await.unwrap(), events);
        assert_eq!(usize::try_from(count(&path, "outbox").await).unwrap(), events.len() + 2);
    }

    #[tokio::test]
    async fn after_closing_every_call_fails() {
        let (_folder, path) = folder();
        let store = open(&path).await;
        store.ping().await.unwrap();
        store.round_trip().await.unwrap();
        store.round_trip().await.unwrap();
        store.close().await;
        assert!(store.ping().await.is_err());
        assert!(store.round_trip().await.is_err());
        // Whoever closes last leaves one file behind, which can be copied.
        assert!(!path.with_extension("db-wal").exists());
    }
}

mod queue {
    use super::*;

    const NAME: &str = "notification";

    async fn subscribed() -> (TempDir, PathBuf, SqlStore) {
        let (folder, path) = folder();
        let store = open(&path).await;
        let consumer = Consumer { name: NAME, kinds: EventKind::ALL.to_vec() };
        store.queue().declare(&consumer).await.unwrap();
        (folder, path, store)
    }

    async fn deliver(queue: &SqlQueue, now: jiff::Timestamp) -> usize {
        let deliveries = queue.receive(NAME, 10, now, LEASE).await.unwrap();
        for delivery in &deliveries {
            queue.ack(&delivery.id).await.unwrap();
        }
        deliveries.len()
    }

    #[tokio::test]
    async fn what_was_delivered_is_remembered_for_a_while_and_then_forgotten() {
        let (_folder, path, store) = subscribed().await;
        let queue = store.queue();
        let (event, other) =
            (samples::event(EventKind::AccountCreated), samples::event(EventKind::TrackDeleted));
        let now = samples::moment();
        queue.publish(&event, now).await.unwrap();
        assert_eq!(deliver(&queue, now).await, 1);

        assert_eq!(queue.forget(now, 10).await.unwrap(), 0);
        queue.publish(&event, now).await.unwrap();
        assert_eq!(deliver(&queue, now).await, 0);

        queue.publish(&other, now).await.unwrap();
        assert_eq!(queue.forget(samples::after(now, Duration::from_micros(1)), 10).await.unwrap(), 1);
        assert_eq!(count(&path, "deliveries").await, 1);
    }

    #[tokio::test]
    async fn what_may_be_published_again_is_not_forgotten() {
        let (_folder, _, store) = subscribed().await;
        let queue = store.queue();
        let (_, event) = sign_up(&store).await;
        let now = samples::moment();
        queue.publish(&event, now).await.unwrap();
        assert_eq!(deliver(&queue, now).await, 1);

        // The process died before it could mark the event, and came back a month later.
        let later = samples::after(now, 1_000 * LEASE);
        assert_eq!(queue.forget(later, 10).await.unwrap(), 0);
        queue.publish(&event, later).await.unwrap();
        assert_eq!(deliver(&queue, later).await, 0);
    }

    /// Everything that the file holds of this delivery but its identity.
    async fn told(path: &Path) -> Vec<(String, Option<String>)> {
        let rows = sqlx::query("SELECT event, reason FROM deliveries").fetch_all(&mut raw(path).await).await;
        rows.unwrap().iter().map(|row| (row.get("event"), row.get("reason"))).collect()
    }

    #[tokio::test]
    async fn the_secret_of_a_link_is_wiped_with_the_delivery_that_held_it() {
        let (_folder, path, store) = subscribed().await;
        let queue = store.queue();
        let now = samples::moment();
        for _ in 0..2 {
            queue.publish(&samples::event(EventKind::PasswordResetRequested), now).await.unwrap();
        }
        let deliveries = queue.receive(NAME, 10, now, LEASE).await.unwrap();
        assert!(told(&path).await.iter().all(|(event, _)| event.contains("\"token\":\"c2VjcmV0")));
        queue.retry(&deliveries[0].id, now, "421 busy").await.unwrap();
        let again = queue.receive(NAME, 10, now, LEASE).await.unwrap();
        queue.ack(&again[0].id).await.unwrap();
        queue.dead_letter(&deliveries[1].id, "550 no", now).await.unwrap();
        assert_eq!(queue.discard(NAME, Letters::All).await.unwrap(), 1);
        assert_eq!(told(&path).await, [(String::new(), None), (String::new(), None)]);
    }

    #[tokio::test]
    async fn hints_follow_what_was_stored() {
        let (_folder, _, store) = subscribed().await;
        let queue = store.queue();
        assert_eq!(store.changed().now_or_never(), None);
        let (new, event) = sign_up(&store).await;
        assert_eq!(store.changed().now_or_never(), Some(()));
        store.create_session(&samples::session(&new.account), 0).await.unwrap();
        assert_eq!(store.changed().now_or_never(), None);

        assert_eq!(queue.changed().now_or_never(), None);
        queue.publish(&event, samples::moment()).await.unwrap();
        assert_eq!(store.queue().changed().now_or_never(), Some(()));
        queue.publish(&event, samples::moment()).await.unwrap();
        assert_eq!(queue.changed().now_or_never(), None);
    }
}
