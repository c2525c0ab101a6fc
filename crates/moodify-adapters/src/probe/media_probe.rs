use async_trait::async_trait;
use moodify_core::model::ByteStream;
use moodify_core::port::{MediaProbe, ProbeError, ProbedAudio, ProbedCover, Unavailable};

use super::finding::{Finding, Subject};
use super::staging::StagedFile;
use super::{InProcessProbe, ProcessProbe};

macro_rules! probes {
    ($($probe:ty),*) => {$(
        #[async_trait]
        impl MediaProbe for $probe {
            async fn audio(&self, body: ByteStream<'_>, max_bytes: u64) -> Result<ProbedAudio, ProbeError> {
                let staged = StagedFile::receive(&self.scratch, body, max_bytes).await?;
                match self.look(Subject::Audio, &staged).await? {
                    Finding::Audio(info, tags) => Ok(ProbedAudio { info, tags, staged: Box::new(staged) }),
                    Finding::Cover(_) => Err(another_question()),
                }
            }

            async fn cover(&self, body: ByteStream<'_>, max_bytes: u64) -> Result<ProbedCover, ProbeError> {
                let staged = StagedFile::receive(&self.scratch, body, max_bytes).await?;
                match self.look(Subject::Cover, &staged).await? {
                    Finding::Cover(images) => Ok(ProbedCover { images }),
                    Finding::Audio(..) => Err(another_question()),
                }
            }
        }
    )*};
}

probes!(InProcessProbe, ProcessProbe);

fn another_question() -> ProbeError {
    Unavailable::lasting("the probe answered another question").into()
}
