//! Where the messages of one socket wait for its session: so many, of so many bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, mpsc::error::TrySendError};
use tokio_util::sync::CancellationToken;

/// How many messages wait: a second's worth of commands and of other messages fit.
const MOST: usize = 256;

/// How many messages in a row are refused before their socket is ended: nobody who listens to the
/// answers sends that many.
const MOST_REFUSED: u32 = 1_000;

/// The end where messages are put in.
pub(super) struct Inbox<T> {
    queue: mpsc::Sender<Kept<T>>,
    room: Arc<Semaphore>,
}

/// The end where they are taken out.
pub(super) struct Outlet<T>(mpsc::Receiver<Kept<T>>);

struct Kept<T> {
    item: T,
    // The room is free again when it is taken out.
    _room: OwnedSemaphorePermit,
}

/// Why a message was not put in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotKept<T> {
    /// There is no room for it.
    Full(T),
    /// Nobody takes messages out any more.
    Closed,
}

/// An inbox that keeps so many bytes.
pub(super) fn inbox<T>(bytes: usize) -> (Inbox<T>, Outlet<T>) {
    let (queue, messages) = mpsc::channel(MOST);
    let room = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
    (Inbox { queue, room }, Outlet(messages))
}

impl<T> Inbox<T> {
    /// Keeps an item that is so large, if there is room for it.
    pub(super) fn offer(&self, item: T, bytes: usize) -> Result<(), NotKept<T>> {
        let room =
            u32::try_from(bytes).ok().and_then(|bytes| self.room.clone().try_acquire_many_owned(bytes).ok());
        let Some(_room) = room else { return Err(NotKept::Full(item)) };
        self.queue.try_send(Kept { item, _room }).map_err(|refused| match refused {
            TrySendError::Full(kept) => NotKept::Full(kept.item),
            TrySendError::Closed(_) => NotKept::Closed,
        })
    }

    /// Whether nobody takes messages out any more.
    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl<T> Outlet<T> {
    /// The next message; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<T> {
        Some(self.0.recv().await?.item)
    }

    /// Takes no more in; what is there can be taken out.
    pub(super) fn close(&mut self) {
        self.0.close();
    }
}

/// Whether a device listens when it is told to slow down.
pub(super) struct Conduct {
    refused: AtomicU32,
    end: CancellationToken,
}

impl Conduct {
    /// Good so far; `end` is cancelled when it is not any more.
    pub(super) fn new(end: CancellationToken) -> Self {
        Self { refused: AtomicU32::new(0), end }
    }

    /// One more message was refused because there are too many.
    pub(super) fn refuse(&self) {
        if self.refused.fetch_add(1, Relaxed).saturating_add(1) >= MOST_REFUSED {
            self.end.cancel();
        }
    }

    /// One was not.
    pub(super) fn accept(&self) {
        // Once it is over it stays over.
        let _ = self.refused.fetch_update(Relaxed, Relaxed, |refused| (refused < MOST_REFUSED).then_some(0));
    }

    /// Whether the socket is to end because of it.
    pub(super) fn is_over(&self) -> bool {
        self.refused.load(Relaxed) >= MOST_REFUSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded_by_its_size_and_number() {
        let (large, mut messages) = inbox(100);
        assert_eq!(large.offer("a", 60), Ok(()));
        assert_eq!(large.offer("b", 41), Err(NotKept::Full("b")));
        assert_eq!(large.offer("c", 40), Ok(()));
        assert_eq!(messages.next().await, Some("a"));
        assert_eq!(large.offer("d", 61), Err(NotKept::Full("d")));
        assert_eq!(large.offer("e", 60), Ok(()));

        let (small, messages) = inbox(usize::MAX);
        assert_eq!((0..1_000).filter(|n| small.offer(*n, 0).is_ok()).count(), MOST);
        drop(messages);
        assert_eq!(small.offer(0, 0), Err(NotKept::Closed));
        assert!(small.is_closed());
    }

    #[test]
    fn who_is_refused_again_and_again_is_ended_and_stays_so() {
        let conduct = Conduct::new(CancellationToken::new());
        for _ in 0..10 {
            (1..MOST_REFUSED).for_each(|_| conduct.refuse());
            assert!(!conduct.is_over());
            conduct.accept();
        }
        (0..MOST_REFUSED).for_each(|_| conduct.refuse());
        conduct.accept();
        assert!(conduct.is_over() && conduct.end.is_cancelled());
    }
}
