use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use moodify_core::port::{Clock, ProbeError, Rejection, Unavailable};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::finding::{self, Finding, Subject};
use super::staging::StagedFile;
use super::{ProbeConfig, child};
use crate::scratch::Scratch;

/// What a child may say besides the pictures: far more than the longest tags take.
const MAX_WORDS: u64 = 1 << 16;

/// Looks at uploads in child processes that limit themselves and are killed when they take too
/// long: whatever a parser does, this process does not notice.
pub struct ProcessProbe {
    pub(super) scratch: Arc<Scratch>,
    config: ProbeConfig,
    program: Program,
    clock: Arc<dyn Clock>,
    permits: Semaphore,
}

/// What a [`ProcessProbe`] starts. It appends three arguments: `audio` or `cover`, the path of the
/// file, and the limits as JSON; [`child::main`] understands them.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its first arguments.
    pub args: Vec<String>,
}

impl Program {
    /// The running executable with the argument [`child::ARGUMENT`].
    ///
    /// # Errors
    /// The operating system does not tell which executable runs.
    pub fn this() -> Result<Self, Unavailable> {
        // By this name it is found even after an upgrade has replaced the file.
        let path = match cfg!(target_os = "linux") {
            true => PathBuf::from("/proc/self/exe"),
            false => std::env::current_exe().map_err(Unavailable::lasting)?,
        };
        Ok(Self { path, args: vec![child::ARGUMENT.to_owned()] })
    }
}

impl ProcessProbe {
    /// Opens the staging folder and sweeps what a dead process left there.
    ///
    /// # Errors
    /// The folder cannot be used; the source says why.
    pub fn open(config: ProbeConfig, program: Program, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let scratch = Scratch::open(&config.staging)?;
        let permits = Semaphore::new(config.parallelism.max(1));
        Ok(Self { scratch, config, program, clock, permits })
    }

    pub(super) async fn look(&self, subject: Subject, staged: &StagedFile) -> Result<Finding, ProbeError> {
        let _permit = self.permits.acquire().await.map_err(Unavailable::lasting)?;
        let limits = serde_json::to_string(&self.config.limits).map_err(Unavailable::lasting)?;
        let mut child = Command::new(&self.program.path)
            .args(&self.program.args)
            .arg(subject.as_str())
            .arg(staged.path())
            .arg(limits)
            // The environment holds the parent's secrets.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| crate::scratch::fault("start", &self.program.path, error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let max_output = MAX_WORDS + self.config.limits.max_embedded_cover;
        let ended = async {
            tokio::try_join!(read_up_to(stdout, max_output), read_up_to(stderr, MAX_WORDS), child.wait())
        };
        let (output, words, status) = tokio::select! {
            ended = ended => ended.map_err(Unavailable::passing)?,
            // Dropping the child kills it.
            () = self.clock.sleep(self.config.limits.wall_time) => {
                return Err(ProbeError::Rejected(Rejection::TooCostly));
            }
        };
        verdict(output, &words, status)
    }
}

/// What a child's end means. Limits end it by a signal: too much time (SIGXCPU, SIGKILL) or memory
/// (SIGABRT, by a failed allocation).
fn verdict(output: Bytes, words: &Bytes, status: ExitStatus) -> Result<Finding, ProbeError> {
    let words = String::from_utf8_lossy(words);
    if !words.is_empty() {
        tracing::debug!(%status, words = %words.trim_end(), "what the probe said");
    }
    match status.code() {
        None => Err(ProbeError::Rejected(Rejection::TooCostly)),
        Some(0) => match finding::read(output) {
            Some(finding) => finding.map_err(ProbeError::Rejected),
            None => Err(Unavailable::lasting("the probe's answer makes no sense").into()),
        },
        Some(_) => {
            let reason = format!("the probe ended with {status}: {}", words.trim_end());
            Err(Unavailable::lasting(reason).into())
        }
    }
}

/// Reads at most `max` bytes; who writes more finds the pipe closed.
async fn read_up_to(pipe: Option<impl AsyncRead + Unpin>, max: u64) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(max).read_to_end(&mut bytes).await?;
    }
    Ok(Bytes::from(bytes))
}
