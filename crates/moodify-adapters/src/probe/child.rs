//! The child process of a [`ProcessProbe`](super::ProcessProbe).

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use moodify_core::port::Rejection;
use rlimit::{Resource, setrlimit};

use super::fault::Fault;
use super::finding::{self, Subject};
use super::limits::ProbeLimits;

/// The hidden argument that a [`ProcessProbe`](super::ProcessProbe) starts its own program with.
pub const ARGUMENT: &str = "probe-media";

/// What the program does when its first argument is [`ARGUMENT`]: takes the arguments after it,
/// limits itself, looks at one file and tells on standard output what it found.
///
/// Call it first thing in `main`: threads of an asynchronous runtime would eat the address space
/// that is left to the parser.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told when even this fails.
            let _ = io::Write::write_all(&mut io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn run(args: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let args: Vec<OsString> = args.into_iter().collect();
    let [subject, path, limits] = args.as_slice() else {
        return Err(io::Error::other("expected a subject, a file and limits"));
    };
    let subject = subject.to_str().and_then(Subject::from_name);
    let subject = subject.ok_or_else(|| io::Error::other("the subject is audio or cover"))?;
    let limits: ProbeLimits = serde_json::from_slice(limits.as_encoded_bytes())?;
    let file = File::open(Path::new(path))?;
    let len = file.metadata()?.len();
    limit_this_process(&limits)?;

    let looked = catch_unwind(AssertUnwindSafe(|| finding::inspect(subject, file, len, &limits)));
    let finding = match looked {
        Ok(Ok(finding)) => Ok(finding),
        Ok(Err(Fault::Rejected(rejection))) => Err(rejection),
        Ok(Err(Fault::Io(error))) => return Err(error),
        // A file that makes a parser panic is a broken one.
        Err(_) => Err(Rejection::Damaged),
    };
    finding::write(io::stdout().lock(), &finding)
}

fn limit_this_process(limits: &ProbeLimits) -> io::Result<()> {
    // macOS maps more than this before `main` and refuses.
    if cfg!(not(target_os = "macos")) {
        setrlimit(Resource::AS, limits.address_space, limits.address_space)?;
    }
    setrlimit(Resource::CPU, limits.cpu_seconds, limits.cpu_seconds + 1)?;
    setrlimit(Resource::CORE, 0, 0)?;
    setrlimit(Resource::FSIZE, 0, 0)
}
