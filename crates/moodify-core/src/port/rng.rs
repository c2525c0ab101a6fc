/// The only source of chance. Cryptographically secure in production.
pub trait Rng: Send + Sync {
    /// Fills the whole slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}
