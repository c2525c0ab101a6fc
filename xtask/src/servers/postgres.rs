//! PostgreSQL, from Debian's package.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Process, Server, free_port, install, nowhere};
use crate::shell;

/// Where its user may be in any case.
const HOME: &str = "/var/lib/postgresql";

pub(super) const SERVER: Server = Server {
    name: "PostgreSQL",
    variable: Some("MOODIFY_TEST_POSTGRES"),
    advice: "apt-get install postgresql (as root)",
    // Its programs are needed in any case, for the tests that let a server die.
    is_installed: || programs().is_some(),
    install: || install::apt(&["postgresql"]),
    find: || {
        const USUAL: &str = "postgres://postgres@127.0.0.1:5432/test";
        answers(USUAL).then(|| USUAL.to_owned())
    },
    start: Some(|folder| {
        let server = Postgres::start(folder)?;
        Ok((server.url("postgres"), server.process))
    }),
    folder: nowhere,
};

/// One of our own. Whoever reaches it may do everything: it listens on this machine only.
pub(crate) struct Postgres {
    port: u16,
    pub(crate) process: Process,
}

impl Postgres {
    /// Starts it on what is in this folder, or on nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let programs = programs().context("its programs are not found")?;
        let folder = reachable(folder)?;
        let data = folder.join("db");
        if !data.exists() {
            let mut initdb = as_postgres(&programs.join("initdb"));
            initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]);
            shell::output(initdb.arg("--no-sync"))?;
        }
        let port = free_port(25_432)?;
        let mut postgres = as_postgres(&programs.join("postgres"));
        // By TCP alone: the path of a socket has 107 bytes at most, and checkouts lie where people put them.
        postgres.arg("-D").arg(&data).args(["-k", "", "-p", &port.to_string()]);
        postgres.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        // It would wait for its clients otherwise.
        let process = Process::start_ended_by("INT", "PostgreSQL", &postgres, &folder)?;
        let url = Self::at(port, "postgres");
        Ok(Self { port, process: process.ready(|| answers(&url))? })
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        Self::at(self.port, database)
    }

    /// Makes a database, if there is none of that name, and returns its address.
    pub(crate) fn database(&self, name: &str) -> Result<String> {
        let url = self.url(name);
        if !answers(&url) {
            let statement = format!("CREATE DATABASE {name}");
            shell::run(psql(&self.url("postgres")).args(["--quiet", "--command", &statement]))?;
        }
        Ok(url)
    }

    fn at(port: u16, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }
}

fn psql(url: &str) -> Command {
    shell::program("psql", &["--no-psqlrc", "--no-password", url])
}

fn answers(url: &str) -> bool {
    shell::succeeds(psql(url).env("PGCONNECT_TIMEOUT", "5").args(["--quiet", "--command", "SELECT 1"]))
}

/// The newest; Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    folders.max_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).unwrap_or_default();
        version.to_string_lossy().parse::<u32>().unwrap_or_default()
    })
}

/// PostgreSQL refuses to run as root. Not by `runuser`, which would stand between it and our signals.
fn as_postgres(program: &Path) -> Command {
    let mut command = shell::program(if install::is_root() { Path::new("setpriv") } else { program }, &[]);
    if install::is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    }
    // Where that user may be.
    command.current_dir("/");
    command
}

/// A folder that its user gets to and may write to: this one, or one of the system's.
fn reachable(folder: &Path) -> Result<PathBuf> {
    if !install::is_root() {
        return Ok(folder.to_path_buf());
    }
    let owned = |folder: &Path| shell::succeeds(shell::program("chown", &["postgres"]).arg(folder));
    if owned(folder) && shell::succeeds(as_postgres(Path::new("test")).arg("-w").arg(folder)) {
        return Ok(folder.to_path_buf());
    }
    let other = Path::new(HOME).join(name_elsewhere(folder));
    fs::create_dir_all(&other).with_context(|| format!("cannot make {}", other.display()))?;
    owned(&other);
    Ok(other)
}

/// What stands for this folder in [`HOME`].
fn name_elsewhere(folder: &Path) -> String {
    format!("moodify{}", folder.to_string_lossy().replace('/', "-"))
}

/// Removes what stands elsewhere for the folders in this one, as far as we may.
pub(super) fn remove_elsewhere(root: &Path) {
    remove_from(Path::new(HOME), root);
}

fn remove_from(home: &Path, root: &Path) {
    let begins = format!("{}-", name_elsewhere(root));
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&begins) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_elsewhere_for_a_place_goes_and_that_of_others_stays() {
        let home = std::env::temp_dir().join(format!("moodify-elsewhere-{}", std::process::id()));
        let of = |folder: &str| home.join(name_elsewhere(Path::new(folder)));
        let (its, nested) = (of("/t/moodify-servers-7/postgresql"), of("/t/moodify-servers-7/data/postgres"));
        let others = [of("/t/moodify-servers-77/postgresql"), of("/t/moodify-services-7/postgresql")];
        for folder in [&its, &nested].into_iter().chain(&others) {
            fs::create_dir_all(folder.join("db")).unwrap();
        }
        remove_from(&home, Path::new("/t/moodify-servers-7"));
        assert!(!its.exists() && !nested.exists() && others.iter().all(|folder| folder.exists()));
        fs::remove_dir_all(home).unwrap();
    }
}
