//! A Redis of the test's own, which it may stop, pause and kill.
#![allow(dead_code, reason = "shared with the program's tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "hunter2";
const PATIENCE: u32 = 1_200;
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Runs until it is dropped.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    options: Vec<String>,
    running: Mutex<Option<Child>>,
}

impl RedisServer {
    /// One that forgets everything when it ends. `None`, said aloud, where it is not installed: but not in CI.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// One with these options.
    pub(crate) fn start_with(options: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            let advice = "Redis is not found: install it (apt-get install redis-server)";
            assert!(std::env::var("CI").is_err(), "{advice}");
            // Not `eprintln!`: the test harness would hide it.
            let _ = writeln!(std::io::stderr(), "skipped: {advice}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let mut options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        if options.iter().any(|option| option == "--cluster-enabled") {
            options.extend(["--cluster-port".to_owned(), free_port().to_string()]);
        }
        let mut server = Self { folder, port: 0, tls_port: 0, options, running: Mutex::default() };
        for _ in 0..TRIES {
            // Somebody else may be faster to take them.
            (server.port, server.tls_port) = (free_port(), free_port());
            if server.launch() {
                return Some(server);
            }
        }
        panic!("Redis does not start: {}", server.output());
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// The same for somebody else.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Its address over TLS, whose certificate is for `localhost`.
    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://:{PASSWORD}@localhost:{}", self.tls_port)
    }

    /// TLS where it is not spoken.
    pub(crate) fn wrong_tls_url(&self) -> String {
        format!("rediss://:{PASSWORD}@localhost:{}", self.port)
    }

    /// The file with the authority that its certificate comes from.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts it after [`Self::stop`].
    pub(crate) fn start_again(&self) {
        for _ in 0..TRIES {
            if self.launch() {
                return;
            }
            thread::sleep(PAUSE);
        }
        panic!("Redis does not start again: {}", self.output());
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap()
    }

    /// `false` if it ends instead.
    fn launch(&self) -> bool {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let output = fs::File::create(self.folder.path().join("output")).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--requirepass", PASSWORD]);
        command.args([
            "--dir",
            &path("."),
            "--tls-port",
            &self.tls_port.to_string(),
            "--tls-auth-clients",
            "no",
        ]);
        command.args(["--tls-cert-file", &path("cert.pem"), "--tls-key-file", &path("key.pem")]);
        command.args(["--tls-ca-cert-file", &path("ca.pem"), "--enable-debug-command", "yes"]);
        command.args(&self.options);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut child = command.spawn().unwrap();
        for _ in 0..PATIENCE {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            // Another one may be there; and it says who it is while it still reads what it had written.
            let is_it = |info: String| info.contains(&format!("process_id:{}\r", child.id()));
            if self.try_control(&["INFO", "server"]).is_ok_and(is_it)
                && self.try_control(&["PING"]).is_ok_and(|answer| answer.contains("PONG"))
            {
                *self.running.lock().unwrap() = Some(child);
                return true;
            }
            thread::sleep(PAUSE);
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    /// Ends it as a power cut does.
    pub(crate) fn stop(&self) {
        let child = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Leaves every connection open and says nothing more, or goes on where it stopped.
    pub(crate) fn freeze(&self, on: bool) {
        let running = self.running.lock().unwrap();
        let signal = format!("kill -{} {}", if on { "STOP" } else { "CONT" }, running.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &signal]).status().unwrap().success());
    }

    /// Has it do something.
    pub(crate) fn control(&self, words: &[&str]) -> String {
        let answer = self.try_control(words).unwrap();
        assert!(!answer.starts_with('-'), "{words:?}: {answer}");
        answer
    }

    fn try_control(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut first = [0; 4096];
        stream.write_all(&command(&["AUTH", PASSWORD]))?;
        if stream.read(&mut first)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(&command(words))?;
        let length = stream.read(&mut first)?;
        Ok(String::from_utf8_lossy(&first[..length]).into_owned())
    }
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text.into_bytes()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn certify(folder: &Path) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    for (name, pem) in
        [("ca.pem", authority.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())]
    {
        fs::write(folder.join(name), pem).unwrap();
    }
}

/// Below those that the system gives to whoever connects: the server comes back to it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    (0..10_000)
        .map(|_| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
