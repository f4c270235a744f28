//! Limits that stop guessing and lock nobody else out. Memory is bounded: the oldest are forgotten first.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use crate::{
    ids::{LegId, RoomId},
    signalling::Caller,
};

/// A room whose PIN is being guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub room: RoomId,
    /// Wrong tries within the last ten minutes, from everywhere.
    pub wrong: usize,
}

/// Counts wrong tries: by account, by source in a room, by source over rooms, and by room.
#[derive(Debug, Default)]
pub struct Lockout {
    guessers: HashMap<Who, Guesser>,
    rooms: HashMap<RoomId, Door>,
    /// In which room's queue a call stands: in one at most.
    queued: HashMap<LegId, RoomId>,
    alarms: VecDeque<Alarm>,
}

/// Whether a try may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Now,
    At(Instant),
    Never,
}

/// Whose tries are counted together. An account stands for itself wherever it calls from; a person behind the same
/// address who guesses does not count against it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Source(IpAddr),
}

impl Who {
    fn of(caller: &Caller) -> Self {
        match &caller.account {
            Some(account) => Self::Account(account.clone()),
            None => Self::Source(network(caller.source)),
        }
    }
}

#[derive(Debug, Default)]
struct Guesser {
    /// Wrong tries within [`WINDOW`], oldest first.
    wrong: VecDeque<(Instant, RoomId)>,
}

impl Guesser {
    fn expire(&mut self, now: Instant) {
        while self.wrong.front().is_some_and(|(at, _)| now >= *at + WINDOW) {
            self.wrong.pop_front();
        }
    }

    fn in_room(&self, room: RoomId) -> usize {
        self.wrong.iter().filter(|(_, r)| *r == room).count()
    }

    fn other_rooms(&self, room: RoomId) -> usize {
        let mut rooms: Vec<_> = self.wrong.iter().map(|(_, r)| *r).filter(|r| *r != room).collect();
        rooms.sort_unstable();
        rooms.dedup();
        rooms.len()
    }
}

/// What is known of one room's door.
#[derive(Debug, Default)]
struct Door {
    /// Wrong tries from everywhere within [`WINDOW`], oldest first.
    wrong: VecDeque<Instant>,
    /// Who has given a right PIN here, and when last. Oldest first.
    trusted: VecDeque<(Who, Instant)>,
    /// Calls whose tries wait, in their order.
    queue: VecDeque<LegId>,
    /// When the next of them is answered.
    next: Option<Instant>,
    alarmed: bool,
}

impl Door {
    fn expire(&mut self, now: Instant) {
        while self.wrong.front().is_some_and(|at| now >= *at + WINDOW) {
            self.wrong.pop_front();
        }
        while self.trusted.front().is_some_and(|(_, at)| now >= *at + TRUST) {
            self.trusted.pop_front();
        }
        if self.wrong.len() <= ROOM_LIMIT {
            self.alarmed = false;
        }
    }

    fn is_idle(&self) -> bool {
        self.wrong.is_empty() && self.trusted.is_empty() && self.queue.is_empty()
    }
}

impl Lockout {
    /// May this try be looked at?
    pub(crate) fn ask(&mut self, now: Instant, leg: LegId, caller: &Caller, room: RoomId) -> Answer {
        let who = Who::of(caller);
        if let Some(guesser) = self.guessers.get_mut(&who) {
            guesser.expire(now);
            let over = match who {
                Who::Account(_) => guesser.wrong.len() >= ACCOUNT_LIMIT,
                Who::Source(_) => {
                    guesser.in_room(room) >= SOURCE_LIMIT || guesser.other_rooms(room) >= SOURCE_ROOMS_LIMIT
                }
            };
            if over {
                return Answer::Never;
            }
        }
        let Some(door) = self.rooms.get_mut(&room) else { return Answer::Now };
        door.expire(now);
        if door.wrong.len() <= ROOM_LIMIT || door.trusted.iter().any(|(trusted, _)| *trusted == who) {
            self.forget(leg);
            return Answer::Now;
        }
        if self.queued.get(&leg).is_some_and(|queued| *queued != room) {
            self.forget(leg);
        }
        let Some(door) = self.rooms.get_mut(&room) else { return Answer::Now };
        let answer = door.wait(now, leg);
        match answer {
            Answer::At(_) => drop(self.queued.insert(leg, room)),
            Answer::Now | Answer::Never => drop(self.queued.remove(&leg)),
        }
        answer
    }

    /// The try was wrong.
    pub(crate) fn wrong(&mut self, now: Instant, caller: &Caller, room: RoomId) {
        make_place(&mut self.guessers, MAX_GUESSERS, |guesser| {
            guesser.expire(now);
            guesser.wrong.back().map(|(at, _)| *at)
        });
        let guesser = self.guessers.entry(Who::of(caller)).or_default();
        // The limits keep it shorter; this keeps it so whatever they become.
        if guesser.wrong.len() >= SOURCE_LIMIT * (SOURCE_ROOMS_LIMIT + 1) {
            guesser.wrong.pop_front();
        }
        guesser.wrong.push_back((now, room));

        let door = self.door(now, room);
        if door.wrong.len() >= MAX_WRONG {
            door.wrong.pop_front();
        }
        door.wrong.push_back(now);
        if door.wrong.len() > ROOM_LIMIT && !door.alarmed {
            door.alarmed = true;
            let alarm = Alarm { room, wrong: door.wrong.len() };
            if self.alarms.len() < MAX_ALARMS {
                self.alarms.push_back(alarm);
            }
        }
    }

    /// The try was right: forgives this one's wrong tries in this room, and no others.
    pub(crate) fn right(&mut self, now: Instant, caller: &Caller, room: RoomId) {
        let who = Who::of(caller);
        if let Some(guesser) = self.guessers.get_mut(&who) {
            guesser.wrong.retain(|(_, r)| *r != room);
            if guesser.wrong.is_empty() {
                self.guessers.remove(&who);
            }
        }
        let door = self.door(now, room);
        door.trusted.retain(|(trusted, _)| *trusted != who);
        if door.trusted.len() >= MAX_TRUSTED {
            door.trusted.pop_front();
        }
        door.trusted.push_back((who, now));
    }

    pub(crate) fn forget(&mut self, leg: LegId) {
        let door = self.queued.remove(&leg).and_then(|room| self.rooms.get_mut(&room));
        if let Some(door) = door {
            door.queue.retain(|waiting| *waiting != leg);
        }
    }

    pub(crate) fn poll_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_front()
    }

    fn door(&mut self, now: Instant, room: RoomId) -> &mut Door {
        if !self.rooms.contains_key(&room) {
            make_place(&mut self.rooms, MAX_ROOMS, |door| {
                door.expire(now);
                let last_right = door.trusted.back().map(|(_, at)| *at);
                let used = door.wrong.back().copied().max(last_right);
                used.or_else(|| (!door.is_idle()).then_some(now))
            });
        }
        let door = self.rooms.entry(room).or_default();
        door.expire(now);
        door
    }
}

impl Door {
    /// Stands in the queue; answers its head, one in [`ONE_EVERY`].
    fn wait(&mut self, now: Instant, leg: LegId) -> Answer {
        let ahead = match self.queue.iter().position(|waiting| *waiting == leg) {
            Some(ahead) => ahead,
            None if self.queue.len() < MAX_QUEUE => {
                self.queue.push_back(leg);
                self.queue.len() - 1
            }
            None => return Answer::Never,
        };
        let next = self.next.filter(|next| now < *next).unwrap_or(now);
        if ahead == 0 && next <= now {
            self.queue.pop_front();
            self.next = Some(now + ONE_EVERY);
            return Answer::Now;
        }
        Answer::At(next + ONE_EVERY * u32::try_from(ahead).unwrap_or(u32::MAX))
    }
}

/// Forgets what is idle when a map is full, and the longest unused if that is not enough.
fn make_place<K: Clone + Eq + std::hash::Hash, V>(
    map: &mut HashMap<K, V>,
    limit: usize,
    mut used: impl FnMut(&mut V) -> Option<Instant>,
) {
    if map.len() < limit {
        return;
    }
    map.retain(|_, value| used(value).is_some());
    if map.len() < limit {
        return;
    }
    // A tenth at once, so that a flood does not sort the map at every message.
    let mut ages: Vec<_> =
        map.iter_mut().filter_map(|(key, value)| Some((used(value)?, key.clone()))).collect();
    ages.sort_unstable_by_key(|(at, _)| *at);
    for (_, key) in ages.into_iter().take(limit / 10 + 1) {
        map.remove(&key);
    }
}

/// One customer's network in IPv6 is a /64; a host can choose freely within it.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// Wrong tries count for so long.
const WINDOW: Duration = Duration::from_secs(600);
/// A right PIN makes a source known in that room for so long.
const TRUST: Duration = Duration::from_secs(30 * 24 * 3600);
/// In a room that is being guessed, one try of those unknown is answered in this time.
const ONE_EVERY: Duration = Duration::from_secs(30);

/// Wrong tries of one account.
const ACCOUNT_LIMIT: usize = 10;
/// Wrong tries of one source in one room.
const SOURCE_LIMIT: usize = 10;
/// Rooms in which one source was wrong.
const SOURCE_ROOMS_LIMIT: usize = 10;
/// Above so many wrong tries in one room it is being guessed.
const ROOM_LIMIT: usize = 20;

const MAX_GUESSERS: usize = 10_000;
const MAX_ROOMS: usize = 10_000;
const MAX_TRUSTED: usize = 1_000;
const MAX_WRONG: usize = 1_000;
const MAX_QUEUE: usize = 50;
const MAX_ALARMS: usize = 100;
