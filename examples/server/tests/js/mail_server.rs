//! Starts `mail_server.mjs` beside this file: a mail server and a token endpoint, in a process of
//! their own. What receivers are called says how it behaves.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A mail server. Its process ends with it.
pub(crate) struct MailServer {
    _child: Child,
    folder: TempDir,
    /// Where it listens.
    pub(crate) ports: Ports,
}

/// Where it listens, on 127.0.0.1; the certificate is for `localhost`.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Ports {
    /// In the clear, for everybody.
    pub(crate) plain: u16,
    /// With `STARTTLS` and a log-in: `ada`, `se:cret/`, or a token.
    pub(crate) starttls: u16,
    /// With TLS from the first byte, and a log-in.
    pub(crate) implicit: u16,
    /// The token endpoint.
    pub(crate) http: u16,
}

/// What happened so far.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    /// The mails that were taken.
    pub(crate) mails: Vec<Taken>,
    /// How many connections were made.
    pub(crate) connections: u32,
    /// How often an access token was asked for.
    pub(crate) fetched: u32,
    /// How many receivers were left without an answer.
    pub(crate) held: u32,
    /// How many connections were ended at once.
    pub(crate) turned_away: u32,
}

/// A mail that was taken.
#[derive(Debug, Deserialize)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Who had logged in.
    pub(crate) user: Option<String>,
    /// Whether the connection was encrypted.
    pub(crate) secure: bool,
    pub(crate) raw: String,
}

impl MailServer {
    /// `None`, said aloud, where Node or its packages are missing: but not in CI.
    pub(crate) async fn start() -> Option<Self> {
        if !folder().join("node_modules/smtp-server/package.json").exists() {
            let advice = "install Node and run `npm ci` in examples/server/tests/js";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{advice}");
            // Not a print: that would be shown for failing tests only.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "skipped: {advice}").unwrap();
            return None;
        }
        let certificates = certificates();
        let mut child = Command::new("node")
            .arg(folder().join("mail_server.mjs"))
            .arg(certificates.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ports = lines.next_line().await.unwrap().expect("the mail server tells its ports");
        Some(Self { _child: child, folder: certificates, ports: serde_json::from_str(&ports).unwrap() })
    }

    /// The file with the authority that its certificate comes from.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where access tokens are fetched.
    pub(crate) fn token_url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.ports.http)
    }

    /// What happened so far.
    pub(crate) async fn seen(&self) -> Seen {
        let answer = reqwest::get(format!("http://127.0.0.1:{}/seen", self.ports.http)).await.unwrap();
        answer.json().await.unwrap()
    }

    /// Changes what comes next; the script knows the words.
    pub(crate) async fn control(&self, change: Value) {
        let url = format!("http://127.0.0.1:{}/control", self.ports.http);
        let answer = reqwest::Client::new().post(url).json(&change).send().await.unwrap();
        assert!(answer.status().is_success());
    }
}

/// An authority, and a certificate of it for `localhost`: servers show one that is not its own
/// authority.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    for (name, pem) in
        [("ca.pem", authority.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())]
    {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    folder
}

fn folder() -> PathBuf {
    // Tests of several crates include this file.
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = ancestors.map(|folder| folder.join("examples/server/tests/js"));
    folders.find(|folder| folder.is_dir()).expect("this file's own folder")
}
