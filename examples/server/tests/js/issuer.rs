//! Starts the OpenID Connect issuers beside this file: `certified_issuer.mjs` and `hostile_issuer.mjs`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long anything may take. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

/// An issuer in a process of its own, which ends with it.
pub(crate) struct Issuer {
    _child: Child,
    pub(crate) url: String,
}

#[allow(dead_code, reason = "shared with other tests")]
impl Issuer {
    /// One that is certified, and sends browsers back to this address; `None` as for [`Self::hostile`].
    pub(crate) async fn certified(redirect_uri: &str) -> Option<Self> {
        Self::start("certified_issuer.mjs", &[redirect_uri]).await
    }

    /// One that signs what it is told to; `None`, said aloud, where Node or its packages are missing: but
    /// not in CI.
    pub(crate) async fn hostile() -> Option<Self> {
        Self::start("hostile_issuer.mjs", &[]).await
    }

    async fn start(script: &str, args: &[&str]) -> Option<Self> {
        if !folder().join("node_modules/oidc-provider/package.json").exists() {
            let advice = "install Node and run `npm ci` in examples/server/tests/js";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{advice}");
            // Not a print: that would be shown for failing tests only.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "skipped: {advice}").unwrap();
            return None;
        }
        let mut child = Command::new("node")
            .arg(folder().join(script))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("the issuer starts").unwrap();
            // Its library has warnings of its own.
            if let Ok(told) = serde_json::from_str::<Value>(&line.expect("the issuer tells its address")) {
                break told;
            }
        };
        // Or else its next warning is its last word.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { _child: child, url: told["issuer"].as_str().unwrap().to_owned() })
    }

    /// Changes what comes next; the scripts know the words.
    pub(crate) async fn control(&self, change: Value) -> Value {
        let request = reqwest::Client::new().post(format!("{}/control", self.url)).json(&change);
        let answer = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        assert!(answer.status().is_success());
        answer.json().await.unwrap()
    }

    /// How often this path was asked.
    pub(crate) async fn asked(&self, path: &str) -> u64 {
        let answer = timeout(PATIENCE, reqwest::get(format!("{}/seen", self.url))).await.unwrap().unwrap();
        let seen: Value = answer.json().await.unwrap();
        seen[path].as_u64().unwrap_or(0)
    }
}

fn folder() -> PathBuf {
    // Tests of several crates include this file.
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = ancestors.map(|folder| folder.join("examples/server/tests/js"));
    folders.find(|folder| folder.is_dir()).expect("this file's own folder")
}
