//! What all connections of one listener have together: so many places, so many messages, so many
//! bytes of state.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::Budget;
use crate::config::PlaybackConfig;
use crate::model::AccountId;

/// How many connections' worth of messages a listener has: as many devices may begin at once.
const CONNECTIONS: u32 = 4;

/// How many bytes of state go with one message, on average: a long queue is some 200 KB.
const BYTES_PER_MESSAGE: u32 = 40 * 1024;

type Shares = HashMap<AccountId, Share>;

/// The shares of all listeners that are connected to this process.
#[derive(Debug, Default)]
pub(super) struct Places(Arc<Mutex<Shares>>);

#[derive(Debug)]
struct Share {
    taken: usize,
    messages: Budget,
    bytes: Budget,
}

/// A place among a listener's connections, and the share in what they have together.
///
/// It is free again when all its copies are gone. A transport keeps one until it is really closed:
/// what it holds for a device that does not read stays that long.
#[derive(Clone, Debug)]
pub struct Place(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    shares: Arc<Mutex<Shares>>,
    account: AccountId,
}

impl Places {
    /// A place for one more connection of the listener, if there are not `most` already.
    pub(super) fn take(
        &self,
        account: AccountId,
        most: usize,
        config: &PlaybackConfig,
        now: Timestamp,
    ) -> Option<Place> {
        let mut shares = lock(&self.0);
        match shares.entry(account) {
            Entry::Occupied(share) if share.get().taken >= most => return None,
            Entry::Occupied(mut share) => share.get_mut().taken += 1,
            Entry::Vacant(_) if most == 0 => return None,
            Entry::Vacant(none) => {
                none.insert(Share::new(config, now));
            }
        }
        drop(shares);
        Some(Place(Arc::new(Taken { shares: self.0.clone(), account })))
    }
}

impl Share {
    fn new(config: &PlaybackConfig, now: Timestamp) -> Self {
        let messages = config.messages_per_second.saturating_mul(CONNECTIONS);
        let bytes = messages.saturating_mul(BYTES_PER_MESSAGE);
        Self { taken: 1, messages: Budget::per_second(messages, now), bytes: Budget::per_second(bytes, now) }
    }
}

impl Place {
    /// Spends one of the listener's messages; `false` when there is none left.
    pub fn spend_message(&self, now: Timestamp) -> bool {
        self.spend(|share| share.messages.spend(now))
    }

    /// Spends so many of the listener's bytes of state; `false`, and nothing is spent, when there
    /// are not enough left.
    pub fn spend_bytes(&self, bytes: usize, now: Timestamp) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.spend(|share| share.bytes.spend_many(bytes, now))
    }

    fn spend(&self, spend: impl FnOnce(&mut Share) -> bool) -> bool {
        lock(&self.0.shares).get_mut(&self.0.account).is_none_or(spend)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Entry::Occupied(mut share) = lock(&self.shares).entry(self.account) {
            share.get_mut().taken -= 1;
            if share.get().taken == 0 {
                share.remove();
            }
        }
    }
}

fn lock(shares: &Mutex<Shares>) -> MutexGuard<'_, Shares> {
    shares.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::model::later;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn take(places: &Places, account: u128) -> Option<Place> {
        places.take(Uuid::from_u128(account).into(), 2, &PlaybackConfig::default(), NOW)
    }

    #[test]
    fn a_place_is_free_when_its_last_copy_is_gone() {
        let places = Places::default();
        let (first, second) = (take(&places, 1).unwrap(), take(&places, 1).unwrap());
        let kept = first.clone();
        drop(first);
        assert!(take(&places, 1).is_none());
        assert!(take(&places, 2).is_some(), "others have their own");
        drop(kept);
        let third = take(&places, 1);
        assert!(third.is_some() && take(&places, 1).is_none());
        drop((second, third));
        assert!(lock(&places.0).is_empty(), "nothing is kept of who has left");
    }

    #[test]
    fn connections_spend_what_is_theirs_together() {
        let places = Places::default();
        let mine = [take(&places, 1).unwrap(), take(&places, 1).unwrap()];
        let spent = (0..1_000).filter(|n| mine[n % 2].spend_message(NOW)).count();
        assert_eq!(spent, 200, "four times what one may send");
        assert!(take(&places, 2).unwrap().spend_message(NOW));

        let spent = (0..1_000).filter(|n| mine[n % 2].spend_bytes(200 * 1024, NOW)).count();
        assert_eq!(spent, 40, "of 8 MB");
        let later = later(NOW, Duration::from_secs(1));
        assert!(mine[0].spend_bytes(200 * 1024, later) && mine[1].spend_message(later));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let config = PlaybackConfig { messages_per_second: 0, ..PlaybackConfig::default() };
        let place = Places::default().take(Uuid::nil().into(), 1, &config, NOW).unwrap();
        assert!((0..10_000).all(|_| place.spend_message(NOW) && place.spend_bytes(1 << 30, NOW)));
    }
}
