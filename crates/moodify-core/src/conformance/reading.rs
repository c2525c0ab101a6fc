//! Reading a list page by page while others add to it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::dice::Dice;
use crate::model::{Page, PageSize};

/// How many histories each list is read in.
const SEEDS: u64 = 10;

/// The most that is added while one reader reads: every list comes to its end.
const MOST_ADDED: usize = 20;

/// Reads a list, in small pages of random size, while items are added at random places: none comes
/// twice, and none that was there when reading began is skipped. `begin` makes a new list, which `add`
/// and `page` are told of.
pub(super) async fn random_pages_are_whole<L, K, P>(
    begin: impl AsyncFn() -> L,
    add: impl AsyncFn(&L, &Dice) -> K,
    page: impl AsyncFn(&L, PageSize, Option<P>) -> Page<K, P>,
) where
    K: Ord + Clone + Debug,
{
    for seed in 1..=SEEDS {
        let (dice, list) = (Dice::new(seed), begin().await);
        let mut before = BTreeSet::new();
        for _ in 0..dice.below(20) {
            before.insert(add(&list, &dice).await);
        }
        let (mut seen, mut after, mut added) = (Vec::new(), None, 0);
        loop {
            let Page { items, next } = page(&list, dice.size(), after).await;
            seen.extend(items);
            let Some(next) = next else { break };
            after = Some(next);
            for _ in 0..dice.below(3).min(MOST_ADDED - added) {
                add(&list, &dice).await;
                added += 1;
            }
        }
        let distinct: BTreeSet<K> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "seed {seed}: something came twice: {seen:?}");
        let skipped: Vec<_> = before.difference(&distinct).collect();
        assert!(skipped.is_empty(), "seed {seed}: {skipped:?} was skipped");
    }
}
