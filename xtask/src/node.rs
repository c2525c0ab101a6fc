//! Node, which is presumed on the machine: what tests talk to runs on it, and the peer of the loads.

use anyhow::{Result, ensure};

use crate::shell;

/// What the packages in the lock files ask for.
const OLDEST: u32 = 20;

const ADVICE: &str = "install Node with npm from https://nodejs.org/en/download, or by a version manager such as \
                      nvm: Debian 12 has 18 only";

/// Fails where Node is missing or too old, or npm is, which Debian has as a package of its own.
pub(crate) fn demand() -> Result<()> {
    let said = shell::output(&mut shell::program("node", &["--version"])).ok();
    let found = said.as_deref().map_or("none", str::trim);
    let is_enough = major(found).is_some_and(|major| major >= OLDEST);
    ensure!(is_enough, "Node {OLDEST} or newer is needed, found {found}; {ADVICE}");
    let has_npm = shell::succeeds(&mut shell::program("npm", &["--version"]));
    ensure!(has_npm, "npm is missing beside Node {found}; {ADVICE}");
    Ok(())
}

/// `v20.20.2` begins with it.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn a_version_is_compared_as_a_number() {
        assert_eq!(major("v18.20.4"), Some(18));
        assert!(major("v100.0.0") > major("v20.20.2"));
        assert_eq!(major("none"), None);
    }
}
