//! s3s-fs, from crates.io: an S3 in a folder. It verifies signatures, which is what matters.

use std::{
    env,
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::{Process, Server, free_port, install, never};
use crate::shell;

const PROGRAM: &str = "s3s-fs";
const VERSION: &str = "0.14.1";
const VARIABLE: &str = "MOODIFY_TEST_S3";

pub(super) const SERVER: Server = Server {
    name: "s3s-fs (for S3)",
    variable: Some(VARIABLE),
    advice: "cargo install s3s-fs --version 0.14.1 --features binary --locked (three minutes), or name the \
             program in MOODIFY_TEST_S3",
    // Who names one wants that one: no other stands for it.
    is_installed: || match named() {
        Some(named) => install::is_program(named, "--help"),
        None => install::is_version(PROGRAM, VERSION) || own().is_some(),
    },
    install: || install::cargo(&[PROGRAM, "--version", VERSION, "--features", "binary"]),
    find: never,
    // Tests start it themselves.
    start: None,
    folder: || named_folder().or_else(own).map(OsString::from),
};

/// The program that the person wants.
fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).map(PathBuf::from)
}

/// Fails where the person wants one that cannot be started: no other that is installed would help.
pub(super) fn demand_named() -> Result<()> {
    let Some(named) = named() else { return Ok(()) };
    let is_path = named.as_os_str().as_encoded_bytes().contains(&b'/');
    ensure!(
        named.is_absolute() || !is_path,
        "{VARIABLE} is {}, which is another file in each folder that a test runs in: let it be absolute",
        named.display()
    );
    let starts = install::is_program(&named, "--help");
    ensure!(starts, "{VARIABLE} is {}, which does not start: mend or unset it", named.display());
    Ok(())
}

/// Where it is, if the loads would find it there: they know it by its name.
fn named_folder() -> Option<PathBuf> {
    let named = named().filter(|named| named.is_absolute() && named.ends_with(PROGRAM))?;
    named.parent().map(Path::to_path_buf)
}

/// Fails where the loads would not start the one that the person wants.
pub(super) fn demand_by_name() -> Result<()> {
    let Some(named) = named() else { return Ok(()) };
    ensure!(
        named_folder().is_some() || named == Path::new(PROGRAM),
        "the loads start {PROGRAM} by that name, and {VARIABLE} is {}: let it be the absolute path of a program \
         of that name, or unset it",
        named.display()
    );
    Ok(())
}

/// Where cargo puts what it installs, if it is there in this version.
fn own() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let usual = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    let folder = home.or_else(usual)?.join("bin");
    install::is_version(folder.join(PROGRAM), VERSION).then_some(folder)
}

/// One of our own, with one bucket.
pub(crate) struct S3 {
    address: SocketAddr,
    pub(crate) process: Process,
}

impl S3 {
    pub(crate) const KEY: &'static str = "moodify";
    pub(crate) const SECRET: &'static str = "moodify-secret";
    const BUCKET: &'static str = "music";

    /// Starts it on what is in this folder, or on nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(29_000)?));
        let store = folder.join("store");
        fs::create_dir_all(store.join(Self::BUCKET))?;
        let found = named().or_else(|| own().map(|folder| folder.join(PROGRAM)));
        let port = address.port().to_string();
        let mut command = shell::program(found.unwrap_or_else(|| PROGRAM.into()), &[]);
        command.args(["--host", "127.0.0.1", "--port", &port]);
        command.args(["--access-key", Self::KEY, "--secret-key", Self::SECRET]).arg(store);
        let process = Process::start("s3s-fs", &command, folder)?.listening(address)?;
        Ok(Self { address, process })
    }

    /// What `media` is set to for the bucket.
    pub(crate) fn media(&self) -> String {
        format!("s3://{}?region=eu-west-1&endpoint=http://{}&path_style=true", Self::BUCKET, self.address)
    }
}
