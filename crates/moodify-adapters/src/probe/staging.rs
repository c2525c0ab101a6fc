use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use moodify_core::model::ByteStream;
use moodify_core::port::{ProbeError, StagedMedia, Unavailable};
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::chunks::chunks;
use crate::scratch::{Scratch, ScratchFile, fault};

/// Many small pieces of a body become one write.
const WRITE_BYTES: usize = 1 << 16;

/// An upload on disk.
#[derive(Debug)]
pub(super) struct StagedFile {
    file: ScratchFile,
    len: u64,
}

impl StagedFile {
    /// Writes a body into a new file, up to `max_bytes`.
    pub(super) async fn receive(
        scratch: &Arc<Scratch>,
        mut body: ByteStream<'_>,
        max_bytes: u64,
    ) -> Result<Self, ProbeError> {
        let failed = |error| fault("stage an upload in", scratch.dir(), error);
        let (file, handle) = scratch.create().map_err(failed)?;
        let mut writer = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(handle));
        let mut len = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(ProbeError::Body)?;
            len += chunk.len() as u64;
            if len > max_bytes {
                return Err(ProbeError::TooLarge { max_bytes });
            }
            writer.write_all(&chunk).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(Self { file, len })
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.file.path()
    }

    /// Opens it for a parser that blocks.
    pub(super) fn reader(&self) -> Result<File, Unavailable> {
        File::open(self.path()).map_err(|error| fault("read the upload", self.path(), error))
    }
}

#[async_trait]
impl StagedMedia for StagedFile {
    fn len(&self) -> u64 {
        self.len
    }

    async fn open(&self) -> Result<ByteStream<'static>, Unavailable> {
        let file = tokio::fs::File::open(self.path())
            .await
            .map_err(|error| fault("read the upload", self.path(), error))?;
        Ok(chunks(file, self.len))
    }
}
