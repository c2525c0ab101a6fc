//! What strangers send, generated.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Outcome, Tally};
use crate::{fuzz, shell};

/// Enough to find what the last change broke; `cargo xtask fuzz` looks for longer.
const EACH: Duration = Duration::from_secs(20);

const INSTALL: &str = "install a C++ compiler (apt-get install g++)";

/// Fuzzes each target for a moment.
pub(super) fn check(_: &mut Tally) -> Result<Outcome> {
    if !fuzz::has_compiler() {
        if shell::in_ci() {
            bail!("there is no C++ compiler: {INSTALL}");
        }
        return Ok(Outcome::Skipped(INSTALL.to_owned()));
    }
    fuzz::run_alike(EACH)?;
    Ok(Outcome::Passed)
}
