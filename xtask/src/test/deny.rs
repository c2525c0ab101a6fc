//! Licences, sources, bans and known vulnerabilities of all dependencies.

use anyhow::{Result, bail};

use super::{Outcome, Run};
use crate::shell;

/// Without the graph of who brings a crate in: `cargo tree -i` shows it when it is asked for.
const CHECK: [&str; 4] = ["deny", "--all-features", "check", "--hide-inclusion-graph"];

const INSTALL: &str = "cargo install cargo-deny --locked";

/// Runs `cargo deny`; without network the vulnerability database is left out, aloud.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    if !shell::succeeds(&mut shell::cargo(&["deny", "--version"])) {
        if shell::in_ci() {
            bail!("cargo-deny is not installed: {INSTALL}");
        }
        return Ok(Outcome::Skipped(INSTALL.to_owned()));
    }
    shell::run(&mut shell::cargo(&[&CHECK[..], &["bans", "licenses", "sources"]].concat()))?;
    if !shell::succeeds(&mut shell::cargo(&["deny", "fetch", "db"])) {
        return Ok(Outcome::Skipped("advisories (database not reachable)".to_owned()));
    }
    shell::run(&mut shell::cargo(&[&CHECK[..], &["--disable-fetch", "advisories"]].concat()))?;
    Ok(Outcome::Passed)
}
