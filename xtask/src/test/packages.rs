//! The official JavaScript client that tests drive the server with.

use anyhow::{Result, bail};

use super::{Outcome, Run};
use crate::shell;

const FOLDER: &str = "examples/server/tests/js";

/// Installs what the lock file names, and nothing else.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    let folder = shell::root().join(FOLDER);
    if !folder.join("package.json").is_file() {
        return Ok(Outcome::Skipped(format!("there is no {FOLDER}/package.json")));
    }
    if !shell::succeeds(&mut shell::program("npm", &["--version"])) {
        if shell::in_ci() {
            bail!("npm is not installed: the end-to-end tests need Node 20 or newer");
        }
        return Ok(Outcome::Skipped("npm is not installed; the end-to-end tests will fail".to_owned()));
    }
    let mut install = shell::program("npm", &["ci", "--no-audit", "--no-fund"]);
    shell::run(install.current_dir(folder))?;
    Ok(Outcome::Passed)
}
