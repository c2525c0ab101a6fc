//! Two processes of one service on the same SQLite file would undo each other's work: the second is
//! turned away. A database on a server keeps any number of them apart by itself.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use crate::{config::Address, failure::Failure};

/// Held as long as the process runs; the system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct Locks {
    files: Vec<File>,
}

impl Locks {
    /// Takes the locks of these services on the data folder, and on the database file where it
    /// lies elsewhere; none if the database is no file. Makes the folder if need be.
    ///
    /// # Errors
    /// If the folder cannot be written, or another process has one of the locks.
    pub(crate) fn take(data: &Path, database: &Address, services: &[&str]) -> Result<Self, Failure> {
        if database.scheme() != "sqlite" {
            private_folder(data).map_err(|error| not_writable((data, "--data"), &error))?;
            return Ok(Self { files: Vec::new() });
        }
        let mut files = lock_all(&data.join("locks"), services, (data, "--data"))?;
        if let Some(beside) = beside_the_database(data, database) {
            files.extend(lock_all(&beside, services, (&database.path(), "--database"))?);
        }
        Ok(Self { files })
    }

    /// Whether no other process can be running these services on this database.
    pub(crate) fn prove_to_be_alone(&self) -> bool {
        !self.files.is_empty()
    }
}

/// A folder for the locks of a database file outside of the data folder.
fn beside_the_database(data: &Path, database: &Address) -> Option<PathBuf> {
    let path = database.path();
    let inside = path.parent().is_some_and(|folder| folder == data);
    (!inside).then(|| {
        let mut name = path.into_os_string();
        name.push(".locks");
        PathBuf::from(name)
    })
}

/// What is locked, and the flag that names another one.
type Subject<'a> = (&'a Path, &'static str);

fn lock_all(folder: &Path, services: &[&str], what: Subject<'_>) -> Result<Vec<File>, Failure> {
    private_folder(folder).map_err(|error| not_writable(what, &error))?;
    services.iter().map(|service| lock(&folder.join(format!("{service}.lock")), service, what)).collect()
}

/// Makes a folder, and those above it, that no other user of the machine can look into. One that is
/// there already is left as its owner made it.
///
/// # Errors
/// As the system has them.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn lock(path: &Path, service: &str, what: Subject<'_>) -> Result<File, Failure> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(|error| not_writable(what, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(running(&mut file, service, what)),
        Err(TryLockError::Error(error)) => {
            return Err(Failure::new(
                format!("{} cannot be locked: {error}", path.display()),
                format!("put {} on a local disk: some network file systems know no locks", what.1),
            ));
        }
    }
    // The number only makes the other process's message better.
    let noted = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    noted.map_err(|error| not_writable(what, &error))?;
    Ok(file)
}

fn running(file: &mut File, service: &str, what: Subject<'_>) -> Failure {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let holder = if known { format!("process {holder}") } else { "another process".to_owned() };
    Failure::new(
        format!("{holder} already runs the {service} service on {}", what.0.display()),
        format!("stop it first, or give this one data of its own with {}", what.1),
    )
}

fn not_writable((what, flag): Subject<'_>, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("{} is not writable: {error}", what.display()),
        format!("make it a place that this user may write to, or name another one with {flag}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::try_from(text.to_owned()).unwrap()
    }

    fn take(data: &Path, database: &str, services: &[&str]) -> Result<Locks, Failure> {
        Locks::take(data, &address(database), services)
    }

    #[test]
    fn one_process_per_service_and_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let database = format!("sqlite://{}", data.join("moodify.db").display());

        let auth = take(&data, &database, &["auth"]).unwrap();
        let music = take(&data, &database, &["music"]).unwrap();
        let refused = take(&data, &database, &["music", "auth"]).unwrap_err();
        assert!(refused.what().contains("already runs the music service"), "{refused}");
        assert!(refused.what().contains(&std::process::id().to_string()), "{refused}");

        drop(music);
        let refused = take(&data, &database, &["music", "auth"]).unwrap_err();
        assert!(refused.what().contains("auth"), "{refused}");
        drop(auth);
        take(&data, &database, &["music", "auth"]).unwrap();
    }

    #[test]
    fn one_process_per_database_file_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let shared = format!("sqlite://{}", folder.path().join("shared.db").display());
        let _first = take(&folder.path().join("one"), &shared, &["auth"]).unwrap();
        let refused = take(&folder.path().join("two"), &shared, &["auth"]).unwrap_err();
        assert!(refused.what().contains("shared.db"), "{refused}");
    }

    #[test]
    fn a_database_on_a_server_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        for database in ["postgres://elsewhere/moodify", "mongodb://elsewhere/moodify"] {
            let take = || take(folder.path(), database, &["auth"]).unwrap();
            assert!([take(), take()].iter().all(|locks| !locks.prove_to_be_alone()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_other_user_looks_into_a_data_folder_that_is_made_here() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let _locks = take(&data, "postgres://elsewhere/moodify", &["auth"]).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::write(&data, "").unwrap();
        let refused = take(&data, "sqlite://elsewhere.db", &["auth"]).unwrap_err();
        assert!(refused.what().contains("is not writable"), "{refused}");
        assert!(refused.fix().contains("--data"), "{refused}");
    }
}
