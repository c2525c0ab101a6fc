//! The servers that tests use: SecantusDB, which stands for MongoDB (`pip install --pre secantusdb==0.7.0b3`).
#![allow(dead_code, reason = "not every test that has this needs all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

const VARIABLE: &str = "MOODIFY_TEST_MONGODB";
const PROGRAM: &str = "secantusd-py";

/// SecantusDB computes on one core only: a test thread each keeps one busy.
const SHARED: usize = 2;

/// Its address, and the process if it is ours.
type Shared = OnceLock<Option<(String, Option<Child>)>>;

/// The address of a server for many tests: the one that was named, or one of this process's own, by turns.
/// `None`, said aloud, where there is neither: but not in CI.
pub(crate) fn shared(turn: usize) -> Option<&'static str> {
    static STARTED: [Shared; SHARED] = [const { Shared::new() }; SHARED];
    let shared = STARTED[turn % SHARED].get_or_init(|| {
        if let Ok(named) = std::env::var(VARIABLE) {
            return Some((named, None));
        }
        is_installed().then(start_shared)
    });
    shared.as_ref().map(|(url, _)| url.as_str())
}

/// The same server with this database.
pub(crate) fn url_of(server: &str, database: &str) -> String {
    let (address, parameters) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, rest) = address.split_once("://").unwrap();
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{scheme}://{host}/{database}{mark}{parameters}")
}

fn is_installed() -> bool {
    let is_there = Command::new(PROGRAM).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_there.is_ok_and(|status| status.success()) {
        return true;
    }
    let advice = format!(
        "no server for the tests of MongoDB: set {VARIABLE}, or pip install --pre secantusdb==0.7.0b3"
    );
    assert!(!std::env::var("CI").is_ok_and(|value| value == "true"), "{advice}");
    static ONCE: std::sync::Once = std::sync::Once::new();
    // Not `eprintln!`: the test harness would hide it.
    ONCE.call_once(|| drop(writeln!(std::io::stderr(), "skipped: {advice}")));
    false
}

/// Nothing runs at the end of a process that could stop it: its guardian does, when our end of a pipe closes.
fn start_shared() -> (String, Option<Child>) {
    let folder = tempfile::tempdir().unwrap().keep();
    let script =
        r#"folder=$1; shift; "$@" & server=$!; cat >/dev/null; kill -KILL $server; rm -rf "$folder""#;
    let mut guardian = Command::new("sh");
    guardian.args(["-c", script, "guardian"]).arg(&folder).arg(PROGRAM).args(arguments(&folder, 0));
    let mut guardian = guardian.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let port = listens_at(guardian.stderr.take().unwrap());
    // Its other end of the pipe is open for as long as this process keeps it.
    (format!("mongodb://127.0.0.1:{port}/"), Some(guardian))
}

fn arguments(folder: &Path, port: u16) -> [String; 4] {
    let folder = folder.join("data").display().to_string();
    ["--port".to_owned(), port.to_string(), "--storage-path".to_owned(), folder]
}

/// Waits for the line that says so, and lets nothing that follows fill the pipe.
fn listens_at(log: impl Read + Send + 'static) -> u16 {
    let mut log = BufReader::new(log);
    let mut said = String::new();
    let port = loop {
        let before = said.len();
        assert!(log.read_line(&mut said).unwrap() > 0, "the server has ended: {said}");
        if let Some((_, address)) = said[before..].split_once("listening on ") {
            break address.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        }
    };
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    port
}

/// A server of the test's own, which it may kill.
pub(crate) struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// `None` as for [`shared`].
    pub(crate) fn start() -> Option<Self> {
        Self::start_as(&[])
    }

    /// One that is no replica set.
    pub(crate) fn standalone() -> Option<Self> {
        Self::start_as(&["--standalone"])
    }

    fn start_as(more: &[&str]) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (process, port) = run(folder.path(), 0, more);
        Some(Self { process, port, folder })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it after [`Self::kill`], where it was and with what it had.
    pub(crate) fn start_again(&mut self) {
        self.start_again_with(&[]);
    }

    /// The same with other arguments than before.
    pub(crate) fn start_again_with(&mut self, more: &[&str]) {
        (self.process, _) = run(self.folder.path(), self.port, more);
    }

    /// Leaves every connection open and says nothing more, or goes on where it stopped.
    pub(crate) fn freeze(&self, on: bool) {
        let signal = if on { "STOP" } else { "CONT" };
        // By the shell's own `kill`: the program of that name is not on every machine.
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &Path, port: u16, more: &[&str]) -> (Child, u16) {
    let mut server = Command::new(PROGRAM);
    // On the disk when it is answered, as mongod's journal has it: what is killed here comes back.
    server.args(arguments(folder, port)).arg("--sync-on-commit").args(more).stdin(Stdio::null());
    let mut process = server.stderr(Stdio::piped()).spawn().unwrap();
    let port = listens_at(process.stderr.take().unwrap());
    (process, port)
}
