//! What is in a music folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::report::{Entry, Outcome, Reason};
use crate::failure::Failure;

/// The files of a folder and its sub-folders, in the order of their names.
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) left_out: Vec<Entry>,
}

/// Looks through a folder. Hidden files are passed over. Links are not followed: what they name
/// within the folder is found at its own place, and what lies outside was not asked for.
///
/// # Errors
/// If the folder itself cannot be read; a sub-folder that cannot is left out.
pub(super) fn walk(root: &Path) -> Result<Found, Failure> {
    let mut found = Found { files: Vec::new(), left_out: Vec::new() };
    found.folder(root, root).map_err(|error| {
        Failure::new(
            format!("{} cannot be read: {error}", root.display()),
            "name a folder that this user may read",
        )
    })?;
    Ok(found)
}

impl Found {
    fn folder(&mut self, folder: &Path, root: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if let Err(error) = self.folder(&path, root) {
                    self.leave_out(&path, root, Reason::Unreadable, error.to_string());
                }
            } else if kind.is_file() {
                self.files.push(path);
            } else {
                let what = if kind.is_symlink() { "a link" } else { "not a file" };
                self.leave_out(&path, root, Reason::NotAFile, what.to_owned());
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, root: &Path, reason: Reason, detail: String) {
        let path = super::shown(path, root);
        self.left_out.push(Entry { path, outcome: Outcome::Skipped { reason, detail } });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_and_hidden_files_are_left_out() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("music");
        fs::create_dir_all(root.join("album/.git")).unwrap();
        fs::write(place.path().join("secret.mp3"), "").unwrap();
        for name in ["b.mp3", "album/a.mp3", "album/.hidden.mp3", "album/.git/c.mp3"] {
            fs::write(root.join(name), "").unwrap();
        }
        symlink(place.path().join("secret.mp3"), root.join("out.mp3")).unwrap();
        symlink(&root, root.join("album/loop")).unwrap();
        let found = walk(&root).unwrap();
        let files: Vec<String> = found.files.iter().map(|path| super::super::shown(path, &root)).collect();
        assert_eq!(files, ["album/a.mp3", "b.mp3"]);
        let left_out: Vec<&str> = found.left_out.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(left_out, ["album/loop", "out.mp3"]);
    }

    #[test]
    fn a_folder_that_is_none_is_told() {
        let place = tempfile::tempdir().unwrap();
        let failure = walk(&place.path().join("nothing")).err().unwrap();
        assert!(failure.what().contains("nothing cannot be read"), "{failure}");
    }
}
