//! Installing from packages: Debian's, Python's, Rust's. As root, or through sudo.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result};

use crate::shell;

/// Whether this process is root.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// Installs these packages of Debian's; its lists are fetched for the first of them.
pub(super) fn apt(packages: &[&str]) -> Result<()> {
    static IS_FRESH: AtomicBool = AtomicBool::new(false);
    if !IS_FRESH.load(Ordering::Relaxed) {
        as_root(&["apt-get", "update"])?;
        IS_FRESH.store(true, Ordering::Relaxed);
    }
    as_root(&[&["apt-get", "install", "--yes", "--no-install-recommends"], packages].concat())
}

fn as_root(words: &[&str]) -> Result<()> {
    // A question would wait for an answer for ever. Said by `env`: sudo hands no environment on.
    let words = [&["env", "DEBIAN_FRONTEND=noninteractive"], words].concat();
    let (program, words) = if is_root() { ("env", &words[1..]) } else { ("sudo", &words[..]) };
    shell::run(&mut shell::program(program, words))
}

/// Where what is installed for this user alone is kept.
pub(super) fn cache() -> Result<PathBuf> {
    let own = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let usual = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let folder = own.or_else(usual).context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(folder.join("moodify"))
}

/// Installs a package of Python's into an environment of its own.
pub(super) fn pip(environment: &Path, package: &str) -> Result<()> {
    if !shell::succeeds(&mut shell::program("python3", &["-c", "import ensurepip"])) {
        apt(&["python3-venv"])?;
    }
    if environment.exists() {
        std::fs::remove_dir_all(environment).context("what is half installed cannot be removed")?;
    }
    shell::run(shell::program("python3", &["-m", "venv"]).arg(environment))?;
    shell::run(&mut shell::program(environment.join("bin/pip"), &["install", "--quiet", "--pre", package]))
}

/// Builds a program of Rust's, once.
pub(super) fn cargo(arguments: &[&str]) -> Result<()> {
    shell::run(&mut shell::cargo(&[&["install", "--locked"], arguments].concat()))
}

/// Whether a program can be started: in the path, or at this one.
pub(super) fn is_program(name: impl AsRef<std::ffi::OsStr>, question: &str) -> bool {
    shell::succeeds(&mut shell::program(name, &[question]))
}

/// Whether a program can be started and says that it is of this version.
pub(super) fn is_version(name: impl AsRef<std::ffi::OsStr>, version: &str) -> bool {
    let said = shell::output(&mut shell::program(name, &["--version"]));
    said.is_ok_and(|said| said.split_whitespace().any(|word| word == version))
}
