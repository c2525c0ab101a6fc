//! The official JavaScript client that tests drive the server with.

use anyhow::Result;

use super::{Outcome, Run};
use crate::shell;

const FOLDER: &str = "examples/server/tests/js";

/// Installs what the lock file names, and nothing else.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    let folder = shell::root().join(FOLDER);
    if !folder.join("package.json").is_file() {
        return Ok(Outcome::Skipped(format!("there is no {FOLDER}/package.json")));
    }
    let mut install = shell::program("npm", &["ci", "--no-audit", "--no-fund"]);
    shell::run(install.current_dir(folder))?;
    Ok(Outcome::Passed)
}
