//! A PostgreSQL of the test's own, which it may stop, starve and kill.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "hunter2";

/// Runs until it is dropped.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    is_root: bool,
}

impl Postgres {
    /// `None`, said aloud, where it is not installed: but not in CI.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let advice = "PostgreSQL's programs are not found: install it (apt-get install postgresql)";
            assert!(std::env::var("CI").is_err(), "{advice}");
            // Not `eprintln!`: the test harness would hide it.
            let _ = writeln!(std::io::stderr(), "skipped: {advice}");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let is_root =
            fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap() == 0;
        fs::write(folder.path().join("password"), PASSWORD).unwrap();
        if is_root {
            run(Command::new("chown").args(["-R", "postgres"]).arg(folder.path()));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = Self { folder, programs, port, is_root };
        let password = postgres.path("password");
        run(postgres
            .program("initdb")
            .args(["--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256", &format!("--pwfile={password}"), "-D"])
            .arg(postgres.path("db")));
        postgres.start_again();
        Some(postgres)
    }

    /// Starts it after [`Self::stop`].
    pub(crate) fn start_again(&self) {
        let folder = self.folder.path().display();
        let options = format!("-p {} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", self.port);
        run(self.control().args(["-w", "-l", &self.path("log"), "-o", &options, "start"]));
    }

    /// Cuts every connection and takes no new ones.
    pub(crate) fn stop(&self) {
        run(self.control().args(["-m", "immediate", "stop"]));
    }

    /// Leaves every connection open and says nothing more, or goes on where it stopped.
    pub(crate) fn freeze(&self, on: bool) {
        let pid = fs::read_to_string(self.path("db/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        // The parent first, so that it makes no more of them.
        for pid in std::iter::once(pid.to_owned()).chain(children(pid)) {
            let signal = if on { "STOP" } else { "CONT" };
            // One may have ended meanwhile.
            let _ = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().unwrap();
        }
    }

    /// Runs a statement as the superuser.
    pub(crate) fn sql(&self, database: &str, statement: &str) {
        let port = self.port.to_string();
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-p", &port, "-d", database]);
        run(psql.arg("-h").arg(self.folder.path()).args(["-c", statement]));
    }

    /// All that is in a database, as text; binary values in hexadecimal.
    pub(crate) fn dump(&self, database: &str) -> String {
        let port = self.port.to_string();
        let mut dump = Command::new(self.programs.join("pg_dump"));
        dump.args(["--data-only", "-U", "postgres", "-p", &port, "-h"]).arg(self.folder.path()).arg(database);
        let dumped = dump.output().unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        String::from_utf8(dumped.stdout).unwrap()
    }

    /// Makes an empty database and returns its address.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", PASSWORD, name)
    }

    /// The address of a database.
    pub(crate) fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn control(&self) -> Command {
        let mut control = self.program("pg_ctl");
        control.args(["-D", &self.path("db")]);
        control
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.is_root { Command::new("runuser") } else { Command::new(&program) };
        if self.is_root {
            command.args(["-u", "postgres", "--"]).arg(program);
        }
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may be stopped already; frozen it would not hear of its end.
        if Path::new(&self.path("db/postmaster.pid")).exists() {
            self.freeze(false);
            let _ = self.control().args(["-m", "immediate", "stop"]).stdout(Stdio::null()).status();
        }
    }
}

/// The newest; Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders
        .into_iter()
        .find(|folder| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).exists()))
}

fn children(of: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let stats = processes.filter_map(|process| fs::read_to_string(process.join("stat")).ok());
    let child = |stat: String| {
        // `123 (a name) S parent …`
        let (pid, rest) = stat.split_once(' ')?;
        let parent = rest.rsplit_once(") ")?.1.split(' ').nth(1)?;
        (parent == of).then(|| pid.to_owned())
    };
    stats.filter_map(child).collect()
}

fn run(command: &mut Command) {
    // Into files: what is started keeps its output open for as long as it runs.
    let errors = tempfile::tempfile().unwrap();
    let started = command.stdout(Stdio::null()).stderr(errors.try_clone().unwrap()).status();
    let status = started.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if !status.success() {
        use std::io::{Read, Seek};
        let (mut errors, mut text) = (errors, String::new());
        errors.rewind().unwrap();
        errors.read_to_string(&mut text).unwrap();
        panic!("{command:?}: {text}");
    }
}
