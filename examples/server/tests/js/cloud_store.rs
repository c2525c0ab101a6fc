//! Starts what stands for Azure's and Google's stores beside this file: `azurite.mjs` and `google_store.mjs`. Both
//! verify signatures.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long anything may take. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store with one place for objects, called `music`, in a process of its own, which ends with it.
pub(crate) struct CloudStore {
    child: Child,
    told: Value,
}

impl CloudStore {
    /// `None`, said aloud, where Node or its packages are missing: but not in CI.
    pub(crate) async fn azure() -> Option<Self> {
        Self::start("azurite.mjs", &[]).await
    }

    /// The same, where pages of this origin may send.
    pub(crate) async fn azure_for(origin: &str) -> Option<Self> {
        Self::start("azurite.mjs", &[origin]).await
    }

    /// `None` as for [`Self::azure`].
    pub(crate) async fn google() -> Option<Self> {
        Self::start("google_store.mjs", &[]).await
    }

    async fn start(script: &str, args: &[&str]) -> Option<Self> {
        if !folder().join("node_modules/azurite/package.json").exists() {
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
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("the store starts").unwrap();
        let told = serde_json::from_str(&line.expect("the store tells its address")).unwrap();
        // It must be able to say more.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { child, told })
    }

    /// Ends it, as a store that is away.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// What it told of itself.
    pub(crate) fn told(&self, name: &str) -> String {
        match &self.told[name] {
            Value::String(text) => text.clone(),
            // A key file.
            value => value.to_string(),
        }
    }

    /// What `media` is set to for Azure.
    pub(crate) fn azure_media(&self) -> String {
        let (container, account, endpoint) =
            (self.told("container"), self.told("account"), self.told("endpoint"));
        format!("az://{container}?account={account}&endpoint={endpoint}")
    }

    /// What `media` is set to for Google.
    pub(crate) fn google_media(&self) -> String {
        format!("gs://{}?endpoint={}", self.told("bucket"), self.told("endpoint"))
    }

    /// Makes Google's stand-in answer 503 to the next requests.
    pub(crate) async fn is_unavailable(&self, requests: u32) {
        self.control(&json!({ "unavailable": requests })).await;
    }

    /// Lets pages of this origin send to Google's stand-in, with these headers.
    pub(crate) async fn lets_send(&self, origin: &str, headers: &[&str]) {
        self.control(&json!({ "cors": { "origin": origin, "headers": headers } })).await;
    }

    async fn control(&self, order: &Value) {
        let url = format!("{}/control", self.told("endpoint"));
        let asked = reqwest::Client::new().post(url).json(order);
        assert!(timeout(PATIENCE, asked.send()).await.unwrap().unwrap().status().is_success());
    }

    /// The objects that Google's stand-in has, and how many uploads are not complete.
    pub(crate) async fn contents(&self) -> (Vec<String>, u64) {
        let url = format!("{}/control", self.told("endpoint"));
        let answer = timeout(PATIENCE, reqwest::get(url)).await.unwrap().unwrap();
        let seen: Value = answer.json().await.unwrap();
        let names = seen["objects"].as_array().unwrap().iter();
        (names.map(|name| name.as_str().unwrap().to_owned()).collect(), seen["uploads"].as_u64().unwrap())
    }

    /// The blobs in Azure's container.
    pub(crate) async fn blobs(&self) -> Vec<String> {
        let place = format!("{}/{}", self.told("endpoint"), self.told("container"));
        let url = format!("{place}?restype=container&comp=list&{}", self.told("sas"));
        let answer = timeout(PATIENCE, reqwest::get(url)).await.unwrap().unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        let text = answer.text().await.unwrap();
        let names = text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap());
        names.map(str::to_owned).collect()
    }
}

fn folder() -> PathBuf {
    // Tests of several crates include this file.
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = ancestors.map(|folder| folder.join("examples/server/tests/js"));
    folders.find(|folder| folder.is_dir()).expect("this file's own folder")
}
