//! Drives `device.mjs` beside this file: one official Socket.IO client, in a process of its
//! own. The protocol is described there.

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};

/// How long anything may take. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A device. Its process ends with it.
pub(crate) struct Device {
    _child: Child,
    stdin: ChildStdin,
    waiting: Waiting,
    events: mpsc::UnboundedReceiver<(String, Value)>,
    requests: u64,
}

/// Whether the device can run here. Where it cannot, the test is skipped, loudly; with `CI=true` it
/// fails.
pub(crate) fn is_available() -> bool {
    let client = folder().join("node_modules/socket.io-client/package.json");
    let node = std::process::Command::new("node").arg("--version").output();
    if client.exists() && node.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let advice = "install Node and run `npm ci` in examples/server/tests/js";
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{advice}");
    // Not a print: that would be shown for failing tests only.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "skipped: {advice}").unwrap();
    false
}

fn folder() -> PathBuf {
    // Tests of several crates include this file.
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = ancestors.map(|folder| folder.join("examples/server/tests/js"));
    folders.find(|folder| folder.is_dir()).expect("this file's own folder")
}

impl Device {
    /// A device that is not connected yet.
    pub(crate) fn start() -> Self {
        let mut child = Command::new("node")
            .arg(folder().join("device.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let waiting = Waiting::default();
        let (events_in, events) = mpsc::unbounded_channel();
        let answers = waiting.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut line: Value = serde_json::from_str(&line).expect("the device speaks JSON");
                if let Some(id) = line["id"].as_u64() {
                    let asked: Option<oneshot::Sender<Value>> = answers.lock().unwrap().remove(&id);
                    let _ = asked.expect("an answer to a request").send(line);
                } else {
                    let name = line["event"].as_str().expect("an event").to_owned();
                    let _ = events_in.send((name, line["args"][0].take()));
                }
            }
        });
        Self { _child: child, stdin, waiting, events, requests: 0 }
    }

    /// A connected device.
    pub(crate) async fn connected(url: &str, token: &str) -> Self {
        let mut device = Self::start();
        device.connect(url, token).await.expect("the token is good");
        device
    }

    /// Connects, or says what the server refused the handshake with.
    pub(crate) async fn connect(&mut self, url: &str, token: &str) -> Result<(), String> {
        self.connect_with(json!({ "url": url, "token": token })).await
    }

    /// Connects in a special way.
    pub(crate) async fn connect_with(&mut self, request: Value) -> Result<(), String> {
        let answer = self.request("connect", request).await;
        if answer["ok"] == true { Ok(()) } else { Err(answer["error"].as_str().unwrap().to_owned()) }
    }

    /// Sends an event; returns its acknowledgement.
    pub(crate) async fn emit(&mut self, event: &str, payload: Value) -> Value {
        self.emit_args(event, json!([payload])).await.expect("an acknowledgement")
    }

    /// Sends an event with any arguments; returns its acknowledgement, or why there is none.
    pub(crate) async fn emit_args(&mut self, event: &str, args: Value) -> Result<Value, String> {
        let mut answer = self.request("emit", json!({ "event": event, "args": args })).await;
        if answer["ok"] == true {
            Ok(answer["ack"].take())
        } else {
            Err(answer["error"].as_str().unwrap().to_owned())
        }
    }

    /// Sends many events at once; returns their acknowledgements.
    pub(crate) async fn emit_all(&mut self, messages: impl IntoIterator<Item = (&str, Value)>) -> Vec<Value> {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(event, payload)| json!({ "event": event, "args": [payload] }))
            .collect();
        let mut answer = self.request("emit_all", json!({ "messages": messages })).await;
        serde_json::from_value(answer["acks"].take()).unwrap()
    }

    /// Sends an event that wants no acknowledgement.
    pub(crate) async fn send(&mut self, event: &str, payload: Value) {
        self.request("send", json!({ "event": event, "args": [payload] })).await;
    }

    /// Reads nothing any more, and sends an event so many times all the same.
    pub(crate) async fn stall_and_flood(&mut self, event: &str, payload: Value, times: usize) {
        self.request("stall", json!({})).await;
        let flood = json!({ "event": event, "args": [payload], "times": times, "want_ack": true });
        self.request("send", flood).await;
    }

    /// Sends an event so many times and disconnects at once.
    pub(crate) async fn send_and_leave(&mut self, event: &str, payload: Value, times: usize) {
        let words = json!({ "event": event, "args": [payload], "times": times, "and_leave": true });
        self.request("send", words).await;
    }

    /// Closes the socket.
    pub(crate) async fn disconnect(&mut self) {
        self.request("disconnect", json!({})).await;
        self.event("disconnect").await;
    }

    /// The next event of this name; others before it are skipped.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let (event, payload) = next.unwrap_or_else(|_| panic!("no event {name}")).expect("it runs");
            if event == name {
                return payload;
            }
        }
    }

    /// The events of this name that have come by now.
    pub(crate) fn heard(&mut self, name: &str) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter_map(|(event, payload)| (event == name).then_some(payload))
            .collect()
    }

    async fn request(&mut self, action: &str, mut request: Value) -> Value {
        self.requests += 1;
        let (answer_in, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(self.requests, answer_in);
        request["id"] = self.requests.into();
        request["do"] = action.into();
        self.stdin.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.unwrap_or_else(|_| panic!("no answer to {action}")).expect("it runs")
    }
}
