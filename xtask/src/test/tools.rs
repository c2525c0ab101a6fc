//! What no check does without, asked for before anything takes its time.

use anyhow::{Result, ensure};

use crate::{node, shell};

/// Commands of cargo's, and which component brings each: rustup's minimal profile has neither.
const COMPONENTS: [(&str, &str); 2] = [("fmt", "rustfmt"), ("clippy", "clippy")];

/// Fails where one of them is missing, or too old.
pub(super) fn demand() -> Result<()> {
    let is_missing = |command: &str| !shell::succeeds(&mut shell::cargo(&[command, "--version"]));
    let missing = COMPONENTS.iter().filter(|(command, _)| is_missing(command));
    let missing = missing.map(|(_, component)| *component).collect::<Vec<_>>().join(" ");
    ensure!(missing.is_empty(), "not installed: {missing}; run `rustup component add {missing}`");
    // The README's walk-through, which a test runs, and the check of `services` are made with it.
    let has_curl = shell::succeeds(&mut shell::program("curl", &["--version"]));
    ensure!(has_curl, "not installed: curl; on Debian `apt-get install curl` (as root)");
    node::demand()
}
