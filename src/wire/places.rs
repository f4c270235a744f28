//! How many connections one source and all sources may hold, from the moment they are accepted.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts connections; a clone counts the same ones.
#[derive(Clone)]
pub(super) struct Places(Arc<Shared>);

struct Shared {
    most: usize,
    most_per_source: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place, given back when it is dropped.
pub(super) struct Place {
    places: Places,
    source: IpAddr,
}

impl Places {
    pub(super) fn new(most: usize, most_per_source: usize) -> Self {
        Self(Arc::new(Shared { most, most_per_source, taken: Mutex::default() }))
    }

    /// A place for one more connection from there, if there is one.
    pub(super) fn take(&self, source: IpAddr) -> Option<Place> {
        let source = network(source);
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let here = taken.get(&source).copied().unwrap_or_default();
        if all >= self.0.most || here >= self.0.most_per_source {
            return None;
        }
        taken.insert(source, here + 1);
        Some(Place { places: self.clone(), source })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match taken.get_mut(&self.source) {
            Some(here) if *here > 1 => *here -= 1,
            _ => {
                taken.remove(&self.source);
            }
        }
    }
}

/// One subscriber of IPv6 has a /64 to send from: it is one source.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_and_all_have_their_bounds_and_places_come_back() {
        let places = Places::new(3, 2);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let (first, _second) = (places.take(a).unwrap(), places.take(a).unwrap());
        assert!(places.take(a).is_none(), "this source has its two");
        let _third = places.take(b).unwrap();
        assert!(places.take(b).is_none(), "all have their three");
        drop(first);
        assert!(places.take(b).is_some());
    }

    #[test]
    fn an_ipv6_subscriber_is_one_source() {
        let places = Places::new(9, 1);
        let _one = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(places.take("2001:db8::2".parse().unwrap()).is_none());
        assert!(places.take("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
