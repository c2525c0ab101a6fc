use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moodify_core::port::{Clock, ProbeError, Rejection, StagedMedia, Unavailable};
use tokio::sync::Semaphore;

use super::ProbeConfig;
use super::fault::{Fault, Guarded, Stop};
use super::finding::{self, Finding, Subject};
use super::staging::StagedFile;
use crate::scratch::Scratch;

/// Looks at uploads in this process, on its blocking threads: where no child process can be had.
///
/// A weaker promise than [`ProcessProbe`](super::ProcessProbe)'s: panics are caught and the caller
/// gets its answer in time, but a parser that hangs without reading keeps its thread, and memory
/// is bounded only by what the parsers are told. As many hanging parsers as
/// [`ProbeConfig::parallelism`] stop this probe.
pub struct InProcessProbe {
    pub(super) scratch: Arc<Scratch>,
    config: ProbeConfig,
    clock: Arc<dyn Clock>,
    permits: Arc<Semaphore>,
}

impl InProcessProbe {
    /// Opens the staging folder and sweeps what a dead process left there.
    ///
    /// # Errors
    /// The folder cannot be used; the source says why.
    pub fn open(config: ProbeConfig, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let scratch = Scratch::open(&config.staging)?;
        let permits = Arc::new(Semaphore::new(config.parallelism.max(1)));
        Ok(Self { scratch, config, clock, permits })
    }

    pub(super) async fn look(&self, subject: Subject, staged: &StagedFile) -> Result<Finding, ProbeError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Unavailable::lasting)?;
        let stop = StopOnDrop(Stop::default());
        let file = Guarded { inner: staged.reader()?, stop: stop.0.clone() };
        let (len, limits) = (staged.len(), self.config.limits.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let _until_it_really_ends = permit;
            catch_unwind(AssertUnwindSafe(|| finding::inspect(subject, file, len, &limits)))
        });
        let looked = tokio::select! {
            looked = looking => looked.map_err(Unavailable::passing)?,
            () = self.clock.sleep(self.config.limits.wall_time) => {
                return Err(ProbeError::Rejected(Rejection::TooCostly));
            }
        };
        match looked {
            Ok(Ok(finding)) => Ok(finding),
            Ok(Err(Fault::Rejected(rejection))) => Err(ProbeError::Rejected(rejection)),
            Ok(Err(Fault::Io(error))) => Err(Unavailable::passing(error).into()),
            Err(_) => Err(ProbeError::Rejected(Rejection::Damaged)),
        }
    }
}

/// Also stops the parser when the caller has gone away.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}
