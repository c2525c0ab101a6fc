use std::io;

use bytes::Bytes;
use futures::{StreamExt, stream};
use moodify_core::model::ByteStream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

const CHUNK_BYTES: u64 = 1 << 16;

/// The next `len` bytes of a file. It is an error if there are fewer.
pub(crate) fn chunks(file: File, len: u64) -> ByteStream<'static> {
    stream::try_unfold((file, len), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left.min(CHUNK_BYTES)).unwrap_or(usize::MAX);
        let mut chunk = Vec::with_capacity(wanted);
        let read = (&mut file).take(wanted as u64).read_buf(&mut chunk).await?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    })
    .boxed()
}
