use async_trait::async_trait;
use moodify_core::model::ByteStream;
use moodify_core::port::{MediaProbe, ProbeError, ProbedAudio, ProbedCover};

/// Nobody uploads here.
pub(crate) struct NoUploads;

#[async_trait]
impl MediaProbe for NoUploads {
    async fn audio(&self, _: ByteStream<'_>, max_bytes: u64) -> Result<ProbedAudio, ProbeError> {
        Err(ProbeError::TooLarge { max_bytes })
    }

    async fn cover(&self, _: ByteStream<'_>, max_bytes: u64) -> Result<ProbedCover, ProbeError> {
        Err(ProbeError::TooLarge { max_bytes })
    }
}
