use tokio::sync::Notify;

/// Wakes everybody who waits; when nobody does, the next one to ask does not wait.
#[derive(Debug, Default)]
pub(super) struct Hint(Notify);

impl Hint {
    pub(super) fn give(&self) {
        self.0.notify_waiters();
        // For whoever is between two waits; a superfluous wake-up costs one empty look.
        self.0.notify_one();
    }

    pub(super) async fn given(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_hint_between_two_waits_is_not_lost() {
        let hint = Hint::default();
        assert_eq!(hint.given().now_or_never(), None);
        hint.give();
        hint.give();
        assert_eq!(hint.given().now_or_never(), Some(()));
        assert_eq!(hint.given().now_or_never(), None);
    }

    #[tokio::test]
    async fn all_who_wait_are_woken() {
        let hint = Hint::default();
        tokio::join!(hint.given(), hint.given(), hint.given(), async {
            tokio::task::yield_now().await;
            hint.give();
        });
    }
}
