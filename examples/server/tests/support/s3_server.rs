//! Starts `s3s-fs`: an S3 in a folder, which verifies signatures, in a process of its own.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    fs,
    io::{ErrorKind, Write},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const VARIABLE: &str = "MOODIFY_TEST_S3";
const ADVICE: &str = "set MOODIFY_TEST_S3 to the program s3s-fs, or `cargo install s3s-fs --version 0.14.1 \
                      --features binary --locked`";

pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const BUCKET: &str = "music";

/// A store with one bucket. Its process ends with it.
pub(crate) struct S3Server {
    _child: Child,
    folder: TempDir,
    /// Where it listens.
    pub(crate) url: String,
}

impl S3Server {
    /// `None`, said aloud, where the program is missing: but not in CI, and not if one was named.
    pub(crate) async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let named = std::env::var(VARIABLE).ok();
        let must = named.is_some() || std::env::var("CI").is_ok_and(|value| value == "true");
        let mut command = Command::new(named.unwrap_or_else(|| "s3s-fs".to_owned()));
        command.args(["--host", "127.0.0.1", "--port", "0", "--access-key", KEY, "--secret-key", SECRET]);
        command.arg(folder.path()).env("RUST_LOG", "s3s_fs=info").env("NO_COLOR", "1");
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound && !must => {
                // Not a print: that would be shown for failing tests only.
                let mut stderr = std::io::stderr();
                writeln!(stderr, "skipped: {ADVICE}").unwrap();
                return None;
            }
            spawned => spawned.unwrap_or_else(|error| panic!("{error}: {ADVICE}")),
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("s3s-fs says where it listens");
            if let Some((_, address)) = line.split_once("running at http://") {
                let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                break format!("http://{}", &address[..end.unwrap_or(address.len())]);
            }
        };
        // It must be able to say more.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { _child: child, folder, url })
    }

    /// What `media` is set to for this bucket, reached at this address.
    pub(crate) fn media_at(url: &str) -> String {
        format!("s3://{BUCKET}?region=eu-west-1&endpoint={url}&path_style=true")
    }

    /// Stores an object as another program would have.
    pub(crate) fn put(&self, key: &str, body: impl AsRef<[u8]>) {
        let path = self.folder.path().join(BUCKET).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }

    /// What uploads have left that are not finished.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".upload") || name.starts_with(".tmp")).collect()
    }

    /// Every object in the bucket.
    pub(crate) fn objects(&self) -> Vec<String> {
        let root = self.folder.path().join(BUCKET);
        let (mut folders, mut found) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found
    }

    /// Takes the bucket away.
    pub(crate) fn remove_bucket(&self) {
        fs::remove_dir_all(self.folder.path().join(BUCKET)).unwrap();
    }
}
