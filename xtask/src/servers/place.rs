//! Where a server keeps what it has, and where it listens.

use std::{
    env,
    fs::{self, File, TryLockError},
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// A folder for servers; a temporary one goes with this.
pub(crate) struct Place {
    /// It is there.
    pub(crate) root: PathBuf,
    is_temporary: bool,
    /// Held as long as this is.
    _lock: Option<File>,
}

impl Place {
    /// One of this name for as long as a command runs. If Ctrl-C ends that, it goes when the next one begins.
    pub(crate) fn temporary(name: &str) -> Result<Self> {
        let prefix = format!("moodify-{name}-");
        sweep(&prefix);
        let root = env::temp_dir().join(format!("{prefix}{}", std::process::id()));
        if root.exists() {
            // Of one that was killed, and had this number before: servers begin with nothing.
            fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
        }
        Self::at(root, true)
    }

    /// One that stays, for one command at a time: two servers on one folder would undo each other's work.
    pub(crate) fn lasting(root: &Path) -> Result<Self> {
        let mut place = Self::at(std::path::absolute(root)?, false)?;
        let lock = File::create(place.root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => place._lock = Some(lock),
            Err(TryLockError::WouldBlock) => {
                bail!("another command has its servers in {}: name another folder", place.root.display())
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(place)
    }

    fn at(root: PathBuf, is_temporary: bool) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self { root, is_temporary, _lock: None })
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

/// Removes what processes left that are gone: the number of each ends the name of its folder.
fn sweep(prefix: &str) {
    let processes = Path::new("/proc");
    // Without it nobody is known to be gone.
    if !processes.join("self").exists() {
        return;
    }
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u32>().ok());
        if id.is_some_and(|id| !processes.join(id.to_string()).exists()) {
            // What belongs to somebody else stays.
            let _ = fs::remove_dir_all(entry.path());
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
    fn what_somebody_left_who_is_gone_goes_when_the_next_one_begins() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let name = format!("sweep-{}", std::process::id());
        let of = |id: u32| env::temp_dir().join(format!("moodify-{name}-{id}"));
        let (left, used) = (of(child.id()), of(std::os::unix::process::parent_id()));
        fs::create_dir_all(left.join("db")).unwrap();
        fs::create_dir_all(&used).unwrap();
        let place = Place::temporary(&name).unwrap();
        assert!(!left.exists() && used.is_dir() && place.root.is_dir());
        fs::remove_dir(used).unwrap();
    }

    #[test]
    fn only_a_temporary_place_goes() {
        let root = env::temp_dir().join(format!("moodify-place-{}", std::process::id()));
        let place = Place::lasting(&root).unwrap();
        let folder = place.folder("Mail catcher").unwrap();
        let second = Place::lasting(&root).err().unwrap().to_string();
        assert!(second.contains("another command"), "{second}");
        drop(place);
        assert!(folder.ends_with("mail-catcher") && folder.is_dir());
        drop(Place::at(root.clone(), true).unwrap());
        assert!(!root.exists());
    }
}
