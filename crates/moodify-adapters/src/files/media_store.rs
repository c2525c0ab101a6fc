use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use moodify_core::model::{ByteStream, MediaKey};
use moodify_core::port::{ByteRange, MediaError, MediaMeta, MediaObject, MediaStore, Unavailable};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    GetOptions, GetResultPayload, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload,
};
use tokio::io::AsyncSeekExt;

use super::error::media_error;
use crate::chunks::chunks;
use crate::scratch::{Scratch, create_folder, fault};

const INCOMING: &str = ".incoming";

/// Bytes gathered for one write: each is a trip to a blocking thread.
const WRITE_BYTES: usize = 1 << 18;

/// Media in a local folder.
pub struct FileMediaStore {
    root: PathBuf,
    store: LocalFileSystem,
    incoming: Arc<Scratch>,
    /// The latest time of modification given to a file, in microseconds since 1970.
    newest: AtomicU64,
}

impl FileMediaStore {
    /// Opens the folder, made if missing, and sweeps what uploads of a dead process left.
    ///
    /// # Errors
    /// The folder cannot be made or written to; the source says which and why.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, Unavailable> {
        let root = root.as_ref();
        create_folder(root)?;
        let incoming = Scratch::open(&root.join(INCOMING))?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(Unavailable::lasting)?.with_fsync(true);
        Ok(Self { root: root.to_owned(), store, incoming, newest: AtomicU64::new(0) })
    }

    /// Whether objects could be stored now, tried by writing, reading, moving and removing a file.
    ///
    /// # Errors
    /// They could not; the source says why.
    pub async fn check(&self) -> Result<(), Unavailable> {
        let (incoming, root) = (Arc::clone(&self.incoming), self.root.clone());
        tokio::task::spawn_blocking(move || incoming.round_trip(&root)).await.map_err(Unavailable::passing)?
    }

    /// Gives a file a later time of modification than all before it: the file system's clock may
    /// stand still between two objects of which the second gets the first one's inode.
    fn stamp(&self, path: &Path) -> io::Result<()> {
        let file = std::fs::File::options().write(true).open(path)?;
        let now = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let now = u64::try_from(now.as_micros()).map_err(io::Error::other)?;
        let later = |newest: u64| now.max(newest + 1);
        let newest = self.newest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(later(n)));
        let stamp = newest.map_or(now, later);
        file.set_modified(UNIX_EPOCH + Duration::from_micros(stamp))
    }

    /// Writes a whole body; what is written goes with the upload if this fails.
    async fn write(
        upload: &mut dyn MultipartUpload,
        len: u64,
        mut body: ByteStream<'_>,
    ) -> Result<(), MediaError> {
        let mut left = len;
        let mut gathered: Vec<Bytes> = Vec::new();
        let mut gathered_bytes = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(MediaError::Body)?;
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| wrong_length(len))?;
            gathered_bytes += chunk.len();
            gathered.push(chunk);
            if gathered_bytes >= WRITE_BYTES {
                gathered_bytes = 0;
                let part = PutPayload::from_iter(gathered.drain(..));
                upload.put_part(part).await.map_err(media_error)?;
            }
        }
        if left > 0 {
            return Err(wrong_length(len));
        }
        upload.put_part(PutPayload::from_iter(gathered)).await.map_err(media_error)?;
        upload.complete().await.map_err(media_error)?;
        Ok(())
    }
}

#[async_trait]
impl MediaStore for FileMediaStore {
    async fn put(&self, key: &MediaKey, len: u64, body: ByteStream<'_>) -> Result<(), MediaError> {
        let failed = |error| fault("begin an upload in", self.incoming.dir(), error);
        let (reserved, _) = self.incoming.create().map_err(failed)?;
        let name = reserved.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let incoming = ObjectPath::from_iter([INCOMING, name]);
        let mut upload = self.store.put_multipart(&incoming).await.map_err(media_error)?;
        if let Err(error) = Self::write(&mut *upload, len, body).await {
            if let Err(error) = upload.abort().await {
                tracing::warn!(%error, "an unfinished upload stays until the next start");
            }
            return Err(error);
        }
        self.stamp(reserved.path()).map_err(|error| fault("finish the upload", reserved.path(), error))?;
        self.store.rename(&incoming, &path(key)).await.map_err(media_error)
    }

    async fn get(&self, key: &MediaKey, range: Option<ByteRange>) -> Result<MediaObject, MediaError> {
        let mut found = self.store.get_opts(&path(key), GetOptions::default()).await.map_err(media_error)?;
        let meta = meta(&found.meta);
        let range = range.unwrap_or(0..meta.len);
        // An empty object has no range that is not empty: it can only be read whole.
        let whole = range == (0..meta.len);
        if !whole && (range.is_empty() || range.end > meta.len) {
            return Err(MediaError::OutOfRange { len: meta.len });
        }
        found.range = range.clone();
        let GetResultPayload::File(file, _) = found.payload else {
            let body = found.into_stream().map_err(io::Error::other).boxed();
            return Ok(MediaObject { meta, body });
        };
        let mut file = tokio::fs::File::from_std(file);
        file.seek(io::SeekFrom::Start(range.start)).await.map_err(Unavailable::passing)?;
        Ok(MediaObject { meta, body: chunks(file, range.end - range.start) })
    }

    async fn head(&self, key: &MediaKey) -> Result<Option<MediaMeta>, MediaError> {
        match self.store.head(&path(key)).await.map_err(media_error) {
            Ok(found) => Ok(Some(meta(&found))),
            Err(MediaError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &MediaKey) -> Result<(), MediaError> {
        match self.store.delete(&path(key)).await.map_err(media_error) {
            Err(MediaError::NotFound) => Ok(()),
            done => done,
        }
    }

    fn list(&self) -> BoxStream<'_, Result<MediaKey, MediaError>> {
        let files = self.store.list(None).map_err(media_error);
        // What no key names is not ours: unfinished uploads, and what people put there.
        files.try_filter_map(async |file| Ok(MediaKey::parse(file.location.as_ref()).ok())).boxed()
    }
}

fn path(key: &MediaKey) -> ObjectPath {
    ObjectPath::from(key.as_str())
}

fn meta(found: &ObjectMeta) -> MediaMeta {
    let etag = found.e_tag.as_deref().unwrap_or_default();
    MediaMeta { len: found.size, etag: etag.trim_matches('"').to_owned() }
}

fn wrong_length(len: u64) -> MediaError {
    let reason = format!("the body does not have the {len} bytes that were announced");
    MediaError::Body(io::Error::new(io::ErrorKind::InvalidData, reason))
}
