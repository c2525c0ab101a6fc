//! How many connections there are, and whose.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use moodify_core::model::ClientNetwork;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Members = HashMap<ClientNetwork, usize>;

/// Places for so many connections, of which nobody gets all.
pub(super) struct Places {
    free: Arc<Semaphore>,
    per_network: Option<usize>,
    members: Arc<Mutex<Members>>,
}

/// One of them. It is free again when this is dropped.
pub(super) struct Place {
    _taken: OwnedSemaphorePermit,
    _membership: Option<Membership>,
}

struct Membership {
    network: ClientNetwork,
    members: Arc<Mutex<Members>>,
}

impl Places {
    /// So many, and so many of them for one network.
    pub(super) fn new(count: usize, per_network: Option<usize>) -> Self {
        let free = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { free, per_network, members: Arc::default() }
    }

    /// A place for whoever connects from there, if there is one.
    pub(super) fn take(&self, from: IpAddr) -> Option<Place> {
        let taken = self.free.clone().try_acquire_owned().ok()?;
        let membership = match self.per_network {
            // From this machine come a proxy's connections: they are many people's.
            Some(most) if !from.to_canonical().is_loopback() => Some(self.join(from.into(), most)?),
            _ => None,
        };
        Some(Place { _taken: taken, _membership: membership })
    }

    fn join(&self, network: ClientNetwork, most: usize) -> Option<Membership> {
        let mut members = lock(&self.members);
        let open = members.get(&network).copied().unwrap_or_default();
        if open >= most {
            return None;
        }
        members.insert(network, open + 1);
        Some(Membership { network, members: self.members.clone() })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = lock(&self.members);
        match members.get_mut(&self.network) {
            Some(open) if *open > 1 => *open -= 1,
            _ => {
                members.remove(&self.network);
            }
        }
    }
}

fn lock(members: &Mutex<Members>) -> MutexGuard<'_, Members> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_from(places: &Places, from: &str) -> Vec<Place> {
        std::iter::from_fn(|| places.take(from.parse().unwrap())).collect()
    }

    #[test]
    fn one_network_does_not_get_all_places() {
        let places = Places::new(10, Some(4));
        let greedy = all_from(&places, "192.0.2.1");
        assert_eq!((greedy.len(), all_from(&places, "::ffff:192.0.2.1").len()), (4, 0));
        let other = all_from(&places, "2001:db8::1");
        assert_eq!((other.len(), all_from(&places, "2001:db8::2").len()), (4, 0));
        assert_eq!(all_from(&places, "192.0.2.2").len(), 2, "no more than there are");
        drop((greedy, other));
        assert!(lock(&places.members).is_empty(), "nothing is kept of who has left");
        assert_eq!(all_from(&places, "192.0.2.1").len(), 4);
    }

    #[test]
    fn a_proxy_on_this_machine_gets_all_places_and_so_does_everybody_without_a_limit() {
        assert_eq!(all_from(&Places::new(10, Some(4)), "127.0.0.1").len(), 10);
        assert_eq!(all_from(&Places::new(10, None), "192.0.2.1").len(), 10);
    }
}
