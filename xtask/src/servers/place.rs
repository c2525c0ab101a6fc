//! Where a server keeps what it has, and where it listens.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A folder for servers; a temporary one goes with this.
pub(crate) struct Place {
    root: PathBuf,
    is_temporary: bool,
}

impl Place {
    /// One for as long as a command runs.
    pub(crate) fn temporary() -> Result<Self> {
        let root = env::temp_dir().join(format!("moodify-servers-{}", std::process::id()));
        Self::at(root, true)
    }

    /// One that stays.
    pub(crate) fn lasting(root: &Path) -> Result<Self> {
        Self::at(std::path::absolute(root)?, false)
    }

    fn at(root: PathBuf, is_temporary: bool) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self { root, is_temporary })
    }

    /// The folder of one server.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name.to_lowercase().replace(' ', "-"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_temporary {
            // Nothing in it is worth a failure.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// The first port from this one on that nobody has. Below 32,768, where the system takes those that it hands out.
pub(crate) fn free_port(from: u16) -> Result<u16> {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = from..from.saturating_add(500);
    ports.find(free).with_context(|| format!("no port is free from {from} on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_passed_over() {
        let first = free_port(21_000).unwrap();
        let _taken = TcpListener::bind(("127.0.0.1", first)).unwrap();
        assert_ne!(free_port(first).unwrap(), first);
    }

    #[test]
    fn only_a_temporary_place_goes() {
        let root = env::temp_dir().join(format!("moodify-place-{}", std::process::id()));
        let folder = Place::lasting(&root).unwrap().folder("Mail catcher").unwrap();
        assert!(folder.ends_with("mail-catcher") && folder.is_dir());
        drop(Place { root: root.clone(), is_temporary: true });
        assert!(!root.exists());
    }
}
