//! Chance for histories that are the same ones every time.

use crate::memory::SeededRng;
use crate::model::PageSize;
use crate::port::Rng;

pub(super) struct Dice(SeededRng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number below `sides`.
    pub(super) fn below(&self, sides: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_be_bytes(bytes) as usize % sides.max(1)
    }

    /// A small page.
    pub(super) fn size(&self) -> PageSize {
        PageSize::new(1 + u32::try_from(self.below(4)).unwrap()).unwrap()
    }
}
