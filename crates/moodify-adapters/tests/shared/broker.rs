//! A RabbitMQ of the test's own, which it may stop and kill.
#![allow(dead_code, reason = "shared with the program's tests")]

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Erlang starts slowly on a busy machine.
const PATIENCE: u32 = 1_200;
const PAUSE: Duration = Duration::from_millis(100);
/// So small that a test can have one that is too large.
pub(crate) const LARGEST_MESSAGE: usize = 100_000;

/// Runs until it is dropped.
pub(crate) struct Broker {
    folder: TempDir,
    program: PathBuf,
    port: u16,
    tls_port: u16,
    running: Mutex<Option<Child>>,
}

impl Broker {
    /// `None`, said aloud, where it is not installed: but not in CI.
    pub(crate) fn start() -> Option<Self> {
        // Past the wrapper that Debian puts before it, which takes no other user and no other place.
        let program = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
        if !program.exists() {
            let advice = "RabbitMQ is not found: install it (apt-get install rabbitmq-server)";
            assert!(std::env::var("CI").is_err(), "{advice}");
            // Not `eprintln!`: the test harness would hide it.
            let _ = writeln!(std::io::stderr(), "skipped: {advice}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let tls_port = free_port();
        let place = folder.path().display();
        let config = format!(
            "listeners.tcp.default = 127.0.0.1:{port}\nlisteners.ssl.default = 127.0.0.1:{tls_port}\n\
             ssl_options.cacertfile = {place}/ca.pem\nssl_options.certfile = {place}/cert.pem\n\
             ssl_options.keyfile = {place}/key.pem\nmax_message_size = {LARGEST_MESSAGE}\nlog.console = false\n"
        );
        fs::write(folder.path().join("rabbitmq.conf"), config).unwrap();
        certify(folder.path());
        fs::write(folder.path().join("plugins"), "[].").unwrap();
        let broker = Self { folder, program, port, tls_port, running: Mutex::default() };
        broker.start_again();
        Some(broker)
    }

    /// Its address, without a virtual host.
    pub(crate) fn url(&self) -> String {
        self.url_of("guest", "guest")
    }

    /// The same for another user.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Its address over TLS, whose certificate is for `localhost`.
    pub(crate) fn tls_url(&self) -> String {
        format!("amqps://guest:guest@localhost:{}", self.tls_port)
    }

    /// The file with the authority that its certificate comes from.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts it after [`Self::stop`].
    pub(crate) fn start_again(&self) {
        let mut command = self.command(&self.program);
        let output = fs::File::create(self.folder.path().join("output")).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        // With the Erlang machine that it starts: they end together.
        let child = command.process_group(0).spawn().unwrap();
        *self.running.lock().unwrap() = Some(child);
        for _ in 0..PATIENCE {
            if self.greets() {
                return;
            }
            thread::sleep(PAUSE);
        }
        panic!("RabbitMQ does not start: {}", fs::read_to_string(self.folder.path().join("output")).unwrap());
    }

    /// Whether it answers as a broker does: whoever only listens may be on its way out, or not ready yet.
    fn greets(&self) -> bool {
        let greeted = || -> io::Result<[u8; 1]> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"AMQP\x00\x00\x09\x01")?;
            let mut kind = [0];
            stream.read_exact(&mut kind)?;
            Ok(kind)
        };
        // A method, which is what it begins with: AMQP 0-9-1, 2.3.5.
        greeted().is_ok_and(|kind| kind == [1])
    }

    /// Ends it as a power cut does.
    pub(crate) fn stop(&self) {
        let child = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            let group = format!("kill -KILL -{}", child.id());
            let _ = Command::new("sh").args(["-c", &group]).status();
            let _ = child.wait();
            // The Erlang machine goes a moment after what started it.
            for _ in 0..PATIENCE {
                if TcpStream::connect(("127.0.0.1", self.port)).is_err() {
                    return;
                }
                thread::sleep(PAUSE);
            }
        }
    }

    /// Runs `rabbitmqctl`.
    pub(crate) fn control(&self, arguments: &[&str]) -> String {
        // It takes connections before it takes orders.
        self.rabbitmqctl(&["await_startup", "--timeout", "120"]);
        self.rabbitmqctl(arguments)
    }

    fn rabbitmqctl(&self, arguments: &[&str]) -> String {
        let program = self.program.with_file_name("rabbitmqctl");
        let ended = self.command(&program).args(arguments).output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    }

    fn command(&self, program: &Path) -> Command {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(program);
        command
            // The cookie that lets its own tools in.
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", format!("moodify-{}@localhost", self.port))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_MNESIA_BASE", path("data"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_LOGS", path("log/broker.log"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_DIST_PORT", (self.port ^ 1).to_string());
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An authority, and a certificate of it for `localhost`.
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

/// Even, so that the one beside it can be for Erlang's own talk; and none that the system gives to whoever
/// connects somewhere while the broker is down (from 32768 on, `ip_local_port_range`).
fn free_port() -> u16 {
    loop {
        let chance = RandomState::new().build_hasher().finish() % 6_000;
        let port = 20_000 + 2 * u16::try_from(chance).unwrap();
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port ^ 1) {
            return port;
        }
    }
}
