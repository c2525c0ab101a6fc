//! Folders for files that are not finished yet, and what goes wrong with local files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moodify_core::port::Unavailable;

/// A local file or folder did not do its part. For logs: it names paths.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub(crate) struct LocalFault {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// What became of a local file. A full disk may have room later; missing rights stay missing.
pub(crate) fn fault(action: &'static str, path: &Path, source: io::Error) -> Unavailable {
    let retryable = !matches!(
        source.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::NotFound
    );
    Unavailable { retryable, source: Box::new(LocalFault { action, path: path.to_owned(), source }) }
}

/// Makes a folder that no other user of the machine can look into: uploads may be private, and the
/// names of mails tell who got which. One that is there already is left as its owner made it.
pub(crate) fn create_folder(dir: &Path) -> Result<(), Unavailable> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| fault("create the folder", dir, error))
}

/// A folder of unfinished files. What a dead process left in it is swept when it is opened, unless
/// a live one uses it too: every user holds a shared lock on the folder, and only who can have it
/// alone sweeps.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    next: AtomicU64,
    _in_use: File,
}

impl Scratch {
    /// Opens the folder, made if missing, and tries whether files can be made in it.
    pub(crate) fn open(dir: &Path) -> Result<Arc<Self>, Unavailable> {
        create_folder(dir)?;
        let lock = File::open(dir).map_err(|error| fault("open the folder", dir, error))?;
        let locked = match lock.try_lock() {
            Ok(()) => sweep(dir).and_then(|()| lock.unlock()).and_then(|()| lock.lock_shared()),
            Err(TryLockError::WouldBlock) => lock.lock_shared(),
            Err(TryLockError::Error(error)) => Err(error),
        };
        locked.map_err(|error| fault("take over the folder", dir, error))?;
        let scratch = Arc::new(Self { dir: dir.to_owned(), next: AtomicU64::new(0), _in_use: lock });
        scratch.create().map_err(|error| fault("write to the folder", dir, error))?;
        Ok(scratch)
    }

    /// Where it is.
    #[cfg(any(feature = "files", feature = "probe"))]
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes an empty file that only this user of the machine can read.
    pub(crate) fn create(self: &Arc<Self>) -> io::Result<(ScratchFile, File)> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let path = self.dir.join(format!("{}-{number}.part", std::process::id()));
            // Processes of two containers can have the same id.
            match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((ScratchFile { path, _scratch: Arc::clone(self) }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes a file, reads it back, moves it to where finished ones go, and removes it there.
    #[cfg(any(feature = "files", feature = "mail-files"))]
    pub(crate) fn round_trip(self: &Arc<Self>, finished: &Path) -> Result<(), Unavailable> {
        const TEXT: &[u8] = b"moodify was here";
        let attempt = || {
            let (scratch, mut file) = self.create()?;
            io::Write::write_all(&mut file, TEXT)?;
            file.sync_all()?;
            if fs::read(scratch.path())? != TEXT {
                return Err(io::Error::other("it does not hold what was written to it"));
            }
            let moved = finished.join(format!(".check-{}", std::process::id()));
            fs::rename(scratch.path(), &moved)?;
            fs::remove_file(&moved)
        };
        attempt().map_err(|error| fault("write, read and remove a file in", finished, error))
    }
}

/// Removes what [`Scratch::create`] once made, and nothing else.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().and_then(|name| {
            // A multipart write of object_store appends `#1`.
            let name = name.split_once('#').map_or(name, |(name, _)| name);
            let (process, number) = name.strip_suffix(".part")?.split_once('-')?;
            Some((process.parse::<u32>().ok()?, number.parse::<u64>().ok()?))
        });
        if ours.is_some() {
            tracing::info!(file = ?entry.path(), "removing what a dead process left behind");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An unfinished file: gone when dropped, unless it was moved away.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    path: PathBuf,
    _scratch: Arc<Scratch>,
}

impl ScratchFile {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = ?self.path, %error, "an unfinished file stays until the next start");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn sweeps_only_its_own_and_only_when_nobody_else_works_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["7-0.part", "7-1.part#1", "letter.txt", "my-holiday.part"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let first = Scratch::open(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["letter.txt", "my-holiday.part"]);

        let (file, _) = first.create().unwrap();
        let second = Scratch::open(dir.path()).unwrap();
        assert!(file.path().exists(), "a live process's file was swept");

        let path = file.path().to_owned();
        drop((file, first, second));
        assert!(!path.exists());
    }

    #[test]
    fn says_which_folder_cannot_be_used() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        let fault = Scratch::open(&file.join("sub")).unwrap_err();
        assert!(!fault.retryable);
        assert!(fault.to_string().contains(file.to_str().unwrap()), "{fault}");
    }
}
