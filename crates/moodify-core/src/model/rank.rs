//! Where things stand in a list that people reorder.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// A place in an order, between any two of which there is another. Ranks compare as texts, by code
/// points.
///
/// Whoever is inserted or moved gets a rank; nobody else's changes. So a place in the list means the
/// same while others come and go, and a change of the order writes one row.
///
/// A rank is a fraction in hexadecimal digits: eight that count up from one item to the next, and
/// more where something was put between two neighbours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rank(String);

/// How many digits count up.
const WHOLE: usize = 8;
/// The first item of a list: there are as many places before it as after it.
const FIRST: u32 = 1 << 31;

impl Rank {
    /// The longest rank. Each digit holds four insertions into one and the same gap: after some 700
    /// in the worst order there is no rank left, and the list is ranked anew.
    pub const MAX_LEN: usize = 200;

    /// This many ranks in ascending order: for a new list, or one that is ranked anew.
    pub fn spread(count: usize) -> Vec<Self> {
        (FIRST..).take(count).map(Self::whole).collect()
    }

    /// This many ranks in ascending order between two neighbours; without one of them, at that end
    /// of the list. `None` when the list has to be ranked anew first.
    pub fn between(before: Option<&Self>, after: Option<&Self>, count: usize) -> Option<Vec<Self>> {
        let number = u32::try_from(count).ok()?;
        match (before, after) {
            (None, None) => Some(Self::spread(count)),
            (Some(before), None) => {
                let last = before.counted()?;
                let end = last.checked_add(number)?;
                Some((last..end).map(|n| Self::whole(n + 1)).collect())
            }
            (None, Some(after)) => {
                let first = after.counted()?;
                Some((first.checked_sub(number)?..first).map(Self::whole).collect())
            }
            (Some(before), Some(after)) => {
                let mut ranks = Vec::with_capacity(count);
                fill(before, after, count, &mut ranks)?;
                Some(ranks)
            }
        }
    }

    /// The rank as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn whole(number: u32) -> Self {
        Self(format!("{number:0WHOLE$x}"))
    }

    fn counted(&self) -> Option<u32> {
        u32::from_str_radix(self.0.get(..WHOLE)?, 16).ok()
    }

    fn digits(&self) -> impl Iterator<Item = u32> {
        self.0.chars().filter_map(|c| c.to_digit(16))
    }
}

/// Halves the gap again and again, so that the ranks stay short.
fn fill(before: &Rank, after: &Rank, count: usize, ranks: &mut Vec<Rank>) -> Option<()> {
    if count == 0 {
        return Some(());
    }
    let middle = middle(before, after)?;
    let left = (count - 1) / 2;
    fill(before, &middle, left, ranks)?;
    ranks.push(middle.clone());
    fill(&middle, after, count - 1 - left, ranks)
}

/// The first fraction, by length, that lies between the two; `None` when it is too long, or when
/// there is none because the two are not in order.
fn middle(before: &Rank, after: &Rank) -> Option<Rank> {
    let (mut lower, mut upper) = (before.digits(), after.digits());
    let mut bounded = true;
    let mut digits = String::new();
    while digits.len() < Rank::MAX_LEN {
        let low = lower.next().unwrap_or(0);
        let high = if bounded { upper.next().unwrap_or(0) } else { 16 };
        // Between neighbouring digits lies everything that begins with the lower one and is greater
        // than the rest of the lower rank.
        bounded = bounded && low == high;
        let digit = if low + 1 < high { u32::midpoint(low, high) } else { low };
        digits.push(char::from_digit(digit, 16)?);
        if low + 1 < high {
            let padding = WHOLE.saturating_sub(digits.len());
            digits.extend(std::iter::repeat_n('0', padding));
            return Some(Rank(digits));
        }
        if low > high {
            return None;
        }
    }
    None
}

impl TryFrom<String> for Rank {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if (WHOLE..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(is_digit) {
            return Ok(Self(text));
        }
        Err(Invalid::new("invalid_rank", "This is not a place in a list."))
    }
}

impl From<Rank> for String {
    fn from(rank: Rank) -> Self {
        rank.0
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_ascending(ranks: &[Rank]) -> bool {
        ranks.windows(2).all(|pair| pair[0] < pair[1])
    }

    proptest! {
        #[test]
        fn whatever_is_inserted_stands_where_it_was_put(
            steps in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize), 1..60),
        ) {
            let mut ranks: Vec<Rank> = Vec::new();
            for (index, count) in steps {
                let at = index.index(ranks.len() + 1);
                let before = at.checked_sub(1).map(|before| &ranks[before]);
                let new = Rank::between(before, ranks.get(at), count).unwrap();
                prop_assert_eq!(new.len(), count);
                ranks.splice(at..at, new);
                prop_assert!(is_ascending(&ranks));
            }
            for rank in ranks {
                prop_assert_eq!(Rank::try_from(rank.to_string()).unwrap(), rank);
            }
        }

        #[test]
        fn a_gap_takes_hundreds_before_the_list_is_ranked_anew(sides in prop::collection::vec(any::<bool>(), 1000)) {
            let ends = Rank::spread(2);
            let (mut before, mut after) = (ends[0].clone(), ends[1].clone());
            let mut inserted = 0;
            for side in sides {
                let Some(new) = Rank::between(Some(&before), Some(&after), 1) else { break };
                prop_assert!(before < new[0] && new[0] < after);
                *(if side { &mut before } else { &mut after }) = new[0].clone();
                inserted += 1;
            }
            prop_assert!((700..1000).contains(&inserted), "{}", inserted);
        }
    }

    #[test]
    fn there_is_no_rank_beyond_the_ends_of_all() {
        let (first, last) = (Rank::whole(0), Rank::whole(u32::MAX));
        assert_eq!(Rank::between(None, Some(&first), 1), None);
        assert_eq!(Rank::between(Some(&last), None, 1), None);
        assert_eq!(Rank::between(Some(&last), Some(&first), 1), None);
        assert_eq!(Rank::between(Some(&first), Some(&first), 1), None);
        assert!(is_ascending(&Rank::between(Some(&first), Some(&last), 1000).unwrap()));
    }

    #[test]
    fn texts_that_are_no_ranks_are_refused() {
        for text in ["", "8000000", "8000000G", "8000000\0", "80000000A"] {
            assert!(Rank::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(Rank::try_from("8".repeat(Rank::MAX_LEN + 1)).is_err());
    }
}
