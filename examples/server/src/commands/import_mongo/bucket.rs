//! Where the old audio and covers are.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

#[cfg(feature = "s3")]
use moodify_adapters::s3::{S3Config, S3Reader};
use moodify_core::{
    model::ByteStream,
    port::{Clock, Unavailable},
};
#[cfg(feature = "s3")]
use secrecy::ExposeSecret;

#[cfg(feature = "s3")]
use crate::{assemble, config::Address};
use crate::{
    commands::import::one_file::body,
    failure::{Failure, one_line},
};

/// The old bucket, or a folder with what was in it.
pub(super) enum Bucket {
    Folder(PathBuf),
    #[cfg(feature = "s3")]
    S3(Box<S3Reader>),
}

/// What came of looking for an object.
pub(super) enum Object {
    /// It is there.
    Here(ByteStream<'static>),
    /// It is not.
    Missing,
    /// The system does not let it be read.
    Unreadable(io::Error),
}

impl Bucket {
    /// The bucket at a URL such as `s3://…`, or the folder of that name.
    ///
    /// # Errors
    /// If there is none.
    pub(super) async fn open(
        place: &str,
        #[cfg_attr(not(feature = "s3"), expect(unused_variables))] clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        match place.split_once("://") {
            #[cfg(feature = "s3")]
            Some(("s3", _)) => Self::s3(place, clock).await,
            #[cfg(not(feature = "s3"))]
            Some(("s3", _)) => Err(Failure::new(
                "--bucket is an s3:// URL, which needs the feature `s3`; this program is built without it",
                "build it with that feature, or copy the bucket into a folder and name that",
            )),
            Some(("file", folder)) => Self::folder(Path::new(folder)),
            Some((scheme, _)) => Err(Failure::new(
                format!(
                    "--bucket is a URL that begins with {scheme}://, and nothing here reads such a place"
                ),
                "name s3://bucket?region=…, or a folder with a copy of the bucket",
            )),
            None => Self::folder(Path::new(place)),
        }
    }

    fn folder(folder: &Path) -> Result<Self, Failure> {
        match folder.read_dir() {
            Ok(_) => Ok(Self::Folder(folder.to_owned())),
            Err(error) => Err(Failure::new(
                format!("{} cannot be read: {error}", folder.display()),
                "name a folder that this user may read, or s3://bucket?region=…",
            )),
        }
    }

    #[cfg(feature = "s3")]
    async fn s3(url: &str, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let address = Address::try_from(url.to_owned())
            .map_err(|why| Failure::new(format!("--bucket: {why}"), "correct the URL"))?;
        let config = S3Config::from_url(address.secret().expose_secret())
            .map_err(|error| Failure::new(format!("--bucket is {address}: {error}"), "correct the URL"))?;
        let failed = |fault: Unavailable| {
            let failure = assemble::with_advice(&fault, "look at the bucket with the store's own tools");
            // The adapter speaks of the setting that usually names a bucket.
            let fix = failure.fix().replace("`media`", "--bucket");
            Failure::new(format!("the bucket at {address} cannot be read: {}", failure.what()), fix)
        };
        let reader = S3Reader::open(&config, clock).await.map_err(failed)?;
        reader.check().await.map_err(failed)?;
        Ok(Self::S3(Box::new(reader)))
    }

    /// The object with this key.
    ///
    /// # Errors
    /// If the store fails: then the next one would fare no better.
    pub(super) async fn get(&self, key: &str) -> Result<Object, Unavailable> {
        match self {
            Self::Folder(root) => Ok(from_folder(root, key).await),
            #[cfg(feature = "s3")]
            Self::S3(reader) => Ok(reader.get(key).await?.map_or(Object::Missing, Object::Here)),
        }
    }
}

async fn from_folder(root: &Path, key: &str) -> Object {
    let Some(path) = within(root, key) else { return Object::Missing };
    match tokio::fs::metadata(&path).await {
        Ok(found) if !found.is_file() => return Object::Missing,
        Err(error) if is_missing(&error) => return Object::Missing,
        Err(error) => return Object::Unreadable(error),
        Ok(_) => {}
    }
    match body(&path).await {
        Ok(body) => Object::Here(body),
        Err(error) if is_missing(&error) => Object::Missing,
        Err(error) => Object::Unreadable(error),
    }
}

/// Also what cannot be a file's name.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), InvalidFilename | InvalidInput | NotADirectory | NotFound)
}

/// Where the file with this key is: within the folder, whatever somebody wrote into the old database.
fn within(root: &Path, key: &str) -> Option<PathBuf> {
    let key = Path::new(key.trim_start_matches('/'));
    let plain = key.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (plain && key.components().next().is_some()).then(|| root.join(key))
}

/// The causes of a failure to read, on one line.
pub(super) fn why(error: &io::Error) -> String {
    one_line(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_the_folder() {
        let root = Path::new("/old");
        for (key, path) in [
            ("musics/a.mp3", Some("/old/musics/a.mp3")),
            ("/musics/a.mp3", Some("/old/musics/a.mp3")),
            ("./a.mp3", Some("/old/./a.mp3")),
            ("../a.mp3", None),
            ("musics/../../a.mp3", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(within(root, key), path.map(PathBuf::from), "{key}");
        }
    }

    #[tokio::test]
    async fn a_file_is_there_or_not() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a.mp3"), "x").unwrap();
        std::fs::create_dir(place.path().join("folder")).unwrap();
        let bucket = Bucket::folder(place.path()).unwrap();
        for (key, is_here) in
            [("a.mp3", true), ("b.mp3", false), ("folder", false), ("a.mp3/b", false), ("a\0b", false)]
        {
            let found = bucket.get(key).await.unwrap();
            assert!(
                matches!(found, Object::Here(_) if is_here) || matches!(found, Object::Missing if !is_here)
            );
        }
        assert!(Bucket::folder(&place.path().join("nothing")).is_err());
    }
}
