//! SecantusDB, from Python's registry: it stands for MongoDB, which Debian does not have. It is not mongod.

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Process, Server, free_port, install, never};
use crate::shell;

const PROGRAM: &str = "secantusd-py";
const PACKAGE: &str = "secantusdb==0.7.0b3";

pub(super) const SERVER: Server = Server {
    name: "SecantusDB (for MongoDB)",
    variable: Some("MOODIFY_TEST_MONGODB"),
    advice: "pip install --pre secantusdb==0.7.0b3 (in an environment that is in the path)",
    // Needed also where a replica set is named: many tests, and `services`, start one of their own. One in the path
    // counts in any version: the program cannot say which it is (0.7.0b3 refuses `--version`). Ours goes first.
    is_installed: || install::is_program(PROGRAM, "--help") || own().is_some(),
    install: || install::pip(&install::cache()?.join("secantusdb"), PACKAGE),
    find: never,
    // Tests start it themselves, some of them to kill it.
    start: None,
    folder: || own().map(OsString::from),
};

/// Where it is installed for this user, if it is, and in this version: pip keeps a folder that is named after that.
fn own() -> Option<PathBuf> {
    let environment = install::cache().ok()?.join("secantusdb");
    let about = format!("site-packages/{}.dist-info", PACKAGE.replace("==", "-"));
    let mut pythons = fs::read_dir(environment.join("lib")).ok()?.flatten();
    let is_this = pythons.any(|python| python.path().join(&about).exists());
    let folder = environment.join("bin");
    (is_this && folder.join(PROGRAM).exists()).then_some(folder)
}

/// One of our own.
pub(crate) struct MongoDb {
    address: SocketAddr,
    pub(crate) process: Process,
}

impl MongoDb {
    /// Starts it on what is in this folder, or on nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(27_117)?));
        let program = own().map_or_else(|| PathBuf::from(PROGRAM), |folder| folder.join(PROGRAM));
        let mut command = shell::program(program, &["--port", &address.port().to_string(), "--storage-path"]);
        command.arg(folder.join("data"));
        let process = Process::start("SecantusDB", &command, folder)?.listening(address)?;
        Ok(Self { address, process })
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("mongodb://{}/{database}", self.address)
    }
}
