use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use moodify_adapters::probe::{InProcessProbe, ProbeConfig, ProbeLimits, ProcessProbe, Program};
use moodify_core::memory::SystemClock;
use moodify_core::model::ByteStream;
use moodify_core::port::{MediaProbe, ProbeError, ProbedAudio, ProbedCover, Rejection, StagedMedia};
use tempfile::TempDir;

/// A probe with a staging folder that must be empty in the end.
pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    pub(crate) probe: Box<dyn MediaProbe>,
    staging: TempDir,
}

pub(crate) fn child_program() -> Program {
    Program { path: PathBuf::from(env!("CARGO_BIN_EXE_moodify-probe")), args: Vec::new() }
}

/// The defaults, with patience for a busy machine: the limits under test are the others.
pub(crate) fn limits() -> ProbeLimits {
    ProbeLimits { wall_time: Duration::from_secs(120), ..ProbeLimits::default() }
}

/// Both kinds of probe.
pub(crate) fn probes() -> [Fixture; 2] {
    [in_process(limits()), process(limits(), child_program())]
}

pub(crate) fn in_process(limits: ProbeLimits) -> Fixture {
    let staging = tempfile::tempdir().unwrap();
    let config = ProbeConfig { limits, ..ProbeConfig::new(staging.path()) };
    let probe = InProcessProbe::open(config, Arc::new(SystemClock)).unwrap();
    Fixture { name: "in process", probe: Box::new(probe), staging }
}

pub(crate) fn process(limits: ProbeLimits, program: Program) -> Fixture {
    let staging = tempfile::tempdir().unwrap();
    let config = ProbeConfig { limits, ..ProbeConfig::new(staging.path()) };
    let probe = ProcessProbe::open(config, program, Arc::new(SystemClock)).unwrap();
    Fixture { name: "child process", probe: Box::new(probe), staging }
}

impl Fixture {
    pub(crate) async fn audio(&self, file: &[u8]) -> Result<ProbedAudio, ProbeError> {
        let result = self.probe.audio(body(file), 100_000_000).await;
        if result.is_err() {
            self.assert_nothing_staged();
        }
        result
    }

    pub(crate) async fn cover(&self, file: &[u8]) -> Result<ProbedCover, ProbeError> {
        let result = self.probe.cover(body(file), 10_000_000).await;
        self.assert_nothing_staged();
        result
    }

    pub(crate) fn staging(&self) -> &Path {
        self.staging.path()
    }

    pub(crate) fn assert_nothing_staged(&self) {
        let left: Vec<_> = std::fs::read_dir(self.staging()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(left.is_empty(), "{}: left behind: {left:?}", self.name);
    }
}

/// A body that comes in uneven pieces.
pub(crate) fn body(file: &[u8]) -> ByteStream<'_> {
    stream::iter(file.chunks(10_007).map(|chunk| Ok(Bytes::copy_from_slice(chunk)))).boxed()
}

pub(crate) async fn read(staged: &dyn StagedMedia) -> Vec<u8> {
    let chunks: Vec<Bytes> = staged.open().await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

pub(crate) fn rejection<T>(result: Result<T, ProbeError>) -> Rejection {
    match result {
        Err(ProbeError::Rejected(rejection)) => rejection,
        Err(other) => panic!("expected a rejection, got {other:?}"),
        Ok(_) => panic!("the file was accepted"),
    }
}

/// A file of `examples/media`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/media").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
