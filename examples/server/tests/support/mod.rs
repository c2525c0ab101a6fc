//! The built program, in a folder of its own.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

pub(crate) mod apart;
pub(crate) mod http;
#[cfg(feature = "mongodb")]
#[path = "../../../../crates/moodify-adapters/tests/mongodb/server.rs"]
pub(crate) mod mongodb;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// Far more than any of it takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until it is so: of what another process does, nothing else tells.
pub(crate) fn wait_for(what: &str, done: impl Fn() -> bool) {
    wait_until(what, || if done() { Ok(()) } else { Err("it is not so") });
}

/// Asks until there is an answer; the error says what there is instead.
#[expect(clippy::disallowed_methods, reason = "another process does it, by its own clock")]
pub(crate) fn wait_until<T, E: std::fmt::Debug>(what: &str, ask: impl Fn() -> Result<T, E>) -> T {
    let begun = std::time::Instant::now();
    loop {
        match ask() {
            Ok(found) => return found,
            Err(instead) => assert!(begun.elapsed() < PATIENCE, "never: {what}, but {instead:?}"),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// An empty folder to run the program in, without any setting from outside.
pub(crate) struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// The same with a variable that every program started here gets.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with these arguments, not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moodify"));
        for (name, _) in std::env::vars_os() {
            if ["MOODIFY_", "AWS_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        // Tests sign many people up from one address.
        command.env("MOODIFY_LIMITS_SIGNUP_PER_MINUTE", "0").env("MOODIFY_LIMITS_REQUESTS_PER_MINUTE", "0");
        // Nobody is to see a backtrace, whatever the environment asks for.
        command.args(args).current_dir(self.path()).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    /// Starts `serve` on a free port and waits until it says that it is ready.
    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        self.serve_at("127.0.0.1:0", args)
    }

    /// The same at this address.
    pub(crate) fn serve_at(&self, listen: &str, args: &[&str]) -> Server {
        let mut all = vec!["serve"];
        all.extend(args);
        all.extend(["--listen", listen]);
        Server::start(&mut self.command(&all))
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Holds a failure to the house's form: code 1, what is wrong, what to do, and nothing else.
    pub(crate) fn assert_told(&self, what: &str, fix: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        let [error, advice] = lines.as_slice() else { panic!("two lines were expected: {self:?}") };
        assert!(error.starts_with("error: ") && error.contains(what), "{what:?} not in {error:?}");
        assert!(advice.starts_with("what to do: ") && advice.contains(fix), "{fix:?} not in {advice:?}");
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    errors: thread::JoinHandle<String>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, said) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody listens any more once the address is known.
                let _ = lines.send(line);
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let address = loop {
            match said.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some(url) = line.trim_start().strip_prefix("API") {
                        break url.trim().trim_end_matches("/v1").to_owned();
                    }
                }
                Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("the server did not start: {}", errors.join().unwrap());
                }
            }
        };
        Self { child, url: address, errors }
    }

    /// Another program that serves at this address.
    pub(crate) fn other(command: &mut Command, url: &str) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, url: url.to_owned(), errors }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a process manager does.
    pub(crate) fn terminate(&self) {
        let status = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, std::mem::replace(&mut self.errors, thread::spawn(String::new)).join().unwrap())
    }

    /// Ends it as a power cut does. Returns what it had logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.ended().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = std::mem::replace(&mut self.errors, thread::spawn(String::new)).join();
            eprintln!("what the server logged:\n{}", log.unwrap_or_default());
        }
    }
}
