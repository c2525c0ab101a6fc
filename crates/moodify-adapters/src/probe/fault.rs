use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moodify_core::port::Rejection;

/// Why a look at a file gave nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is to blame.
    Rejected(Rejection),
    /// The staged file could not be read.
    Io(io::Error),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever reads past the end believed a length in the file.
            io::ErrorKind::UnexpectedEof => Self::Rejected(Rejection::Damaged),
            _ => Self::Io(error),
        }
    }
}

/// Asks a parser to give up. It is heard at the next read.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A reader that fails once a stop was asked for.
#[derive(Debug)]
pub(super) struct Guarded<R> {
    pub(super) inner: R,
    pub(super) stop: Stop,
}

impl<R> Guarded<R> {
    fn check(&self) -> io::Result<()> {
        if self.stop.is_requested() {
            Err(io::Error::other("the time for this file is over"))
        } else {
            Ok(())
        }
    }
}

impl<R: io::Read> io::Read for Guarded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.read(buf)
    }
}

impl<R: io::Seek> io::Seek for Guarded<R> {
    fn seek(&mut self, pos: io::SeekFrom) -> io::Result<u64> {
        self.check()?;
        self.inner.seek(pos)
    }
}
