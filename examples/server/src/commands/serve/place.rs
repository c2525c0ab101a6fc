//! A connection that takes a place for as long as it is open, also when it has become a socket, and
//! ends when the other side does not read.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use moodify_core::port::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream and its place.
///
/// Whoever writes may wait where nobody can end the wait (a socket's writer does, and the heartbeat
/// that gives the socket up waits for it). So the stream itself fails, in both directions, when
/// nothing of what is to be written has been taken for a while.
pub(super) struct Placed<I, P> {
    io: I,
    _place: P,
    clock: Arc<dyn Clock>,
    patience: Duration,
    /// Ends with the patience; there while a write waits.
    stalled: Option<BoxFuture<'static, ()>>,
    is_cut: bool,
    /// Who waits for something to read, and would not hear of the cut.
    reader: Option<Waker>,
}

impl<I, P> Placed<I, P> {
    /// A stream in its place that waits so long for a reader.
    pub(super) fn new(io: I, place: P, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self { io, _place: place, clock, patience, stalled: None, is_cut: false, reader: None }
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Bounds how long writes wait, one after the other.
    fn bound<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let (clock, patience) = (&self.clock, self.patience);
        let stalled = self.stalled.get_or_insert_with(|| {
            let clock = clock.clone();
            async move { clock.sleep(patience).await }.boxed()
        });
        if stalled.poll_unpin(cx).is_pending() {
            return Poll::Pending;
        }
        self.is_cut = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin, P: Unpin> AsyncRead for Placed<I, P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_pending() && !self.reader.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            self.reader = Some(cx.waker().clone());
        }
        read
    }
}

impl<I: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Placed<I, P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        // A TCP stream has nothing to flush: that it is done is no progress.
        if flushed.is_pending() { self.bound(cx, flushed) } else { flushed }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use moodify_core::memory::FixedClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    const ALMOST: Duration = Duration::from_secs(29);

    fn placed() -> (Placed<DuplexStream, ()>, DuplexStream, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::default());
        let (here, there) = duplex(4);
        (Placed::new(here, (), clock.clone(), PATIENCE), there, clock)
    }

    #[tokio::test]
    async fn a_line_whose_other_end_does_not_read_ends_in_both_directions() {
        let (placed, _there, clock) = placed();
        let (mut reader, mut writer) = split(placed);
        let reading = tokio::spawn(async move { reader.read_u8().await });
        let writing = tokio::spawn(async move { writer.write_all(b"more than fits").await });
        tokio::task::yield_now().await;
        clock.advance(ALMOST);
        tokio::task::yield_now().await;
        assert!(!reading.is_finished() && !writing.is_finished());
        clock.advance(PATIENCE - ALMOST);
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_reader_is_waited_for() {
        let (mut placed, mut there, clock) = placed();
        let writing = tokio::spawn(async move { placed.write_all(&[7; 32]).await });
        for _ in 0..32 {
            tokio::task::yield_now().await;
            clock.advance(ALMOST);
            assert_eq!(there.read_u8().await.unwrap(), 7);
        }
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_silent_line_stays() {
        let (mut placed, mut there, clock) = placed();
        placed.write_all(b"all").await.unwrap();
        clock.advance(PATIENCE * 100);
        there.write_all(b"x").await.unwrap();
        assert_eq!(placed.read_u8().await.unwrap(), b'x');
    }
}
