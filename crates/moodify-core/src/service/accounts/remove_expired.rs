use super::Accounts;
use crate::Error;

impl Accounts {
    /// Forgets sessions and tokens that have expired, and keys that nothing which is still good was
    /// made with. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store fails.
    pub async fn remove_expired(&self) -> Result<usize, Error> {
        /// Few enough for others to write in between.
        const AT_ONCE: usize = 1_000;
        let mut removed = self.inner.keys.remove_retired(&self.inner.key_lives).await?;
        loop {
            let some = self.inner.users.remove_expired(self.inner.context.now(), AT_ONCE).await?;
            removed += some;
            if some < AT_ONCE {
                return Ok(removed);
            }
        }
    }
}
