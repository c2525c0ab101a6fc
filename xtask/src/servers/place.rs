//! Where a server keeps what it has, and where it listens.

use std::{
    env,
    fs::{self, File, TryLockError},
    io::ErrorKind,
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::postgres;

/// Who holds this one is alive: a number of a process would be another's in another container on the same folder.
/// Not the name that a lasting place has: a person may keep one beside temporary ones, and it stays.
const TEMPORARY: &str = "temporary.lock";

/// A folder for servers; a temporary one goes with this.
pub(crate) struct Place {
    /// It is there.
    pub(crate) root: PathBuf,
    is_temporary: bool,
    /// Held as long as this is.
    _lock: File,
}

impl Place {
    /// One of this name for as long as a command runs. If Ctrl-C ends that, it goes when the next one begins.
    pub(crate) fn temporary(name: &str) -> Result<Self> {
        let folder = std::path::absolute(env::temp_dir())?;
        let prefix = format!("moodify-{name}-");
        sweep(&folder, &prefix);
        let root = new_folder(&folder, &prefix)?;
        // What is left elsewhere of one that had this name: servers begin with nothing.
        postgres::remove_elsewhere(&root);
        // It has its name only when it is held: before, a sweep would have it.
        let unnamed = root.join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, root.join(TEMPORARY))?;
        Ok(Self { root, is_temporary: true, _lock: lock })
    }

    /// One that stays, for one command at a time: two servers on one folder would undo each other's work.
    pub(crate) fn lasting(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root)?;
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        let lock = File::create(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, is_temporary: false, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another command has its servers in {}: name another folder", root.display())
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
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
            remove(&self.root);
        }
    }
}

/// A folder that was not there before.
fn new_folder(parent: &Path, prefix: &str) -> Result<PathBuf> {
    let mut number = std::process::id();
    loop {
        let folder = parent.join(format!("{prefix}{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number = number.wrapping_add(1),
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", folder.display())),
        }
    }
}

/// Removes the temporary places of this name that nobody holds.
fn sweep(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(TEMPORARY)) else { continue };
        // Of one that another sweep has removed meanwhile, the name may be somebody's again.
        let is_there = || lock.metadata().is_ok_and(|about| about.nlink() > 0);
        if lock.try_lock().is_ok() && is_there() {
            remove(&entry.path());
        }
    }
}

/// Nothing in it is worth a failure, and what belongs to somebody else stays.
fn remove(root: &Path) {
    postgres::remove_elsewhere(root);
    let _ = fs::remove_dir_all(root);
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
    fn what_nobody_holds_any_more_goes_when_the_next_one_begins() {
        let name = format!("sweep-{}", std::process::id());
        let held = Place::temporary(&name).unwrap();
        let of = |end: &str| env::temp_dir().join(format!("moodify-{name}-{end}"));
        let (left, persons) = (of("left"), of("data"));
        fs::create_dir_all(left.join("db")).unwrap();
        fs::write(left.join(TEMPORARY), "").unwrap();
        drop(Place::lasting(&persons).unwrap());
        let next = Place::temporary(&name).unwrap();
        assert!(!left.exists() && persons.is_dir() && held.root.is_dir() && next.root != held.root);
        fs::remove_dir_all(persons).unwrap();
    }

    #[test]
    fn only_a_temporary_place_goes() {
        let outer = Place::temporary(&format!("place-{}", std::process::id())).unwrap();
        let root = outer.root.join("data");
        let place = Place::lasting(&root).unwrap();
        let folder = place.folder("Mail catcher").unwrap();
        let second = Place::lasting(&root).err().unwrap().to_string();
        assert!(second.contains("another command"), "{second}");
        drop(place);
        assert!(folder.ends_with("mail-catcher") && folder.is_dir());
        drop(outer);
        assert!(!root.exists());
    }
}
