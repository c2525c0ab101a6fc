//! What stands for the probe in a process that takes no uploads.

use async_trait::async_trait;
use moodify_core::{
    model::ByteStream,
    port::{MediaProbe, ProbeError, ProbedAudio, ProbedCover, Unavailable},
};

/// Looks at nothing. No route of such a process leads here.
pub(crate) struct NoUploads;

#[async_trait]
impl MediaProbe for NoUploads {
    async fn audio(&self, _: ByteStream<'_>, _: u64) -> Result<ProbedAudio, ProbeError> {
        Err(Unavailable::lasting("this process does not run the music service").into())
    }

    async fn cover(&self, _: ByteStream<'_>, _: u64) -> Result<ProbedCover, ProbeError> {
        Err(Unavailable::lasting("this process does not run the music service").into())
    }
}
