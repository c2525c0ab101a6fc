//! `cargo xtask up`: the platform on embedded defaults.

use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Builds `moodify` and runs `moodify serve all` from where the person stands, so that `./data`
/// is theirs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    println!("Building Moodify; the first time takes some minutes.");
    let program = shell::built_program(
        &mut shell::cargo(&["build", "-p", "moodify-server", "--bin", "moodify"]),
        "moodify",
    )?;
    let mut serve = Command::new(&program);
    serve.args(["serve", "all"]).args(args);
    become_it(&mut serve).with_context(|| format!("cannot start {}", program.display()))
}

/// Replaces this process, so that Ctrl-C and SIGTERM reach the server itself.
#[cfg(unix)]
fn become_it(serve: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(serve.exec().into())
}

/// Waits for the server: the console sends Ctrl-C to both.
#[cfg(not(unix))]
fn become_it(serve: &mut Command) -> Result<()> {
    let status = serve.status()?;
    anyhow::ensure!(status.success(), "the server ended with {status}");
    Ok(())
}
