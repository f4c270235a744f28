//! Nodes, links and virtual time.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Node, Output,
    ladder::{Rung, draw},
    link::{Link, Packet},
};

/// A node of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

/// Nodes and links in virtual time, which begins at zero and moves only by [`World::run_for`] and the like.
pub struct World<N> {
    epoch: Instant,
    now: Instant,
    nodes: Vec<Slot<N>>,
    addresses: HashMap<SocketAddr, NodeId>,
    links: HashMap<(NodeId, NodeId), Link>,
    under_way: BTreeMap<(Instant, u64), Packet>,
    sequence: u64,
    rungs: Vec<Rung>,
}

struct Slot<N> {
    name: String,
    node: N,
    timeout: Option<Instant>,
}

/// A node that asks for the same moment this often without end is broken.
const LIVELOCK: usize = 10_000;

impl<N: Node> Default for World<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Node> World<N> {
    pub fn new() -> Self {
        let epoch = epoch();
        Self {
            epoch,
            now: epoch,
            nodes: Vec::new(),
            addresses: HashMap::new(),
            links: HashMap::new(),
            under_way: BTreeMap::new(),
            sequence: 0,
            rungs: Vec::new(),
        }
    }

    /// Adds a node that receives what is sent to any of these addresses.
    pub fn add(&mut self, name: &str, addresses: &[SocketAddr], node: N) -> NodeId {
        let id = NodeId(self.nodes.len());
        for address in addresses {
            assert!(self.addresses.insert(*address, id).is_none(), "{address} is taken");
        }
        self.nodes.push(Slot { name: name.to_owned(), node, timeout: None });
        id
    }

    /// The link from one node to another; each direction is its own.
    pub fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        self.links.entry((from, to)).or_default()
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - self.epoch
    }

    pub fn node(&self, id: NodeId) -> &N {
        &self.nodes[id.0].node
    }

    /// Has a node do something now, and carries out what it wants done after it.
    pub fn act<R>(&mut self, id: NodeId, action: impl FnOnce(&mut N, Instant) -> R) -> R {
        let result = action(&mut self.nodes[id.0].node, self.now);
        self.drain(id);
        result
    }

    /// Lets bytes from an address outside every node arrive, as an attacker or a test's hand would.
    pub fn inject(&mut self, packet: Packet) {
        let at = self.now;
        self.send(at, packet);
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until nothing is under way and no node waits for anything before `limit` is over.
    pub fn run_until_idle(&mut self, limit: Duration) {
        let end = self.now + limit;
        while self.step(end) {}
    }

    /// What happened so far, drawn.
    pub fn ladder(&self) -> String {
        let names: Vec<&str> = self.nodes.iter().map(|n| n.name.as_str()).collect();
        draw(&names, &self.rungs)
    }

    /// Forgets what happened so far.
    pub fn clear_ladder(&mut self) {
        self.rungs.clear();
    }

    /// The next happening up to `end`, if there is one.
    fn step(&mut self, end: Instant) -> bool {
        let arrival = self.under_way.keys().next().copied();
        let timeout = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(n, slot)| slot.timeout.map(|at| (at, NodeId(n))))
            .min_by_key(|(at, id)| (*at, id.0));
        match (arrival, timeout) {
            (Some((at, sequence)), timeout) if timeout.is_none_or(|(t, _)| at <= t) => {
                if at > end {
                    return false;
                }
                self.now = self.now.max(at);
                if let Some(packet) = self.under_way.remove(&(at, sequence)) {
                    self.deliver(&packet);
                }
                true
            }
            (_, Some((at, id))) => {
                if at > end {
                    return false;
                }
                self.now = self.now.max(at);
                let now = self.now;
                self.nodes[id.0].node.timeout(now);
                self.drain(id);
                if self.nodes[id.0].timeout.is_some_and(|again| again <= now) {
                    self.settle(id);
                }
                true
            }
            (_, None) => false,
        }
    }

    /// A node may ask for the present moment a few times; one that never lets time pass fails the test.
    fn settle(&mut self, id: NodeId) {
        let now = self.now;
        for _ in 0..LIVELOCK {
            self.nodes[id.0].node.timeout(now);
            self.drain(id);
            if self.nodes[id.0].timeout.is_none_or(|at| at > now) {
                return;
            }
        }
        panic!("{} asks for the same moment for ever", self.nodes[id.0].name);
    }

    fn deliver(&mut self, packet: &Packet) {
        if let Some(id) = self.addresses.get(&packet.to).copied() {
            self.nodes[id.0].node.receive(self.now, packet);
            self.drain(id);
        }
    }

    fn drain(&mut self, id: NodeId) {
        for _ in 0..LIVELOCK {
            let now = self.now;
            match self.nodes[id.0].node.poll() {
                Output::Send { from, to, bytes, label } => {
                    self.send(now, Packet { from, to, bytes, label });
                }
                Output::Note(text) => {
                    self.rungs.push(Rung::Note { at: now - self.epoch, node: id.0, text });
                }
                Output::Timeout(at) => {
                    self.nodes[id.0].timeout = at;
                    return;
                }
            }
        }
        panic!("{} never comes to its timeout", self.nodes[id.0].name);
    }

    fn send(&mut self, at: Instant, packet: Packet) {
        let from = self.addresses.get(&packet.from).copied();
        let to = self.addresses.get(&packet.to).copied();
        let delay = match (from, to) {
            (Some(from), Some(to)) => {
                let delay = self.links.entry((from, to)).or_default().pass(&packet.label);
                self.rungs.push(Rung::Sent {
                    at: at - self.epoch,
                    from: from.0,
                    to: to.0,
                    label: packet.label.clone(),
                    lost: delay.is_none(),
                });
                delay
            }
            (None, Some(_)) => Some(Duration::ZERO),
            (Some(from), None) => {
                let text = format!("to {}: {}", packet.to, packet.label);
                self.rungs.push(Rung::Note { at: at - self.epoch, node: from.0, text });
                None
            }
            (None, None) => None,
        };
        if let Some(delay) = delay {
            self.sequence += 1;
            self.under_way.insert((at + delay, self.sequence), packet);
        }
    }
}

/// An instant to count from. The one clock that a test of a core reads; its value never shows.
#[expect(clippy::disallowed_methods, reason = "virtual time needs one real instant to begin with")]
fn epoch() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every packet after 5 ms; repeats its own every 100 ms until answered.
    struct Echo {
        own: SocketAddr,
        peer: SocketAddr,
        outbox: Vec<Output>,
        repeat: Option<Instant>,
    }

    impl Node for Echo {
        fn receive(&mut self, _now: Instant, packet: &Packet) {
            if packet.label == "ping" {
                let (from, to) = (self.own, packet.from);
                self.outbox.push(Output::Send { from, to, bytes: vec![1], label: "pong".into() });
            } else {
                self.repeat = None;
                self.outbox.push(Output::Note("answered".into()));
            }
        }

        fn timeout(&mut self, now: Instant) {
            if self.repeat.is_some_and(|at| at <= now) {
                self.ping(now);
            }
        }

        fn poll(&mut self) -> Output {
            if self.outbox.is_empty() { Output::Timeout(self.repeat) } else { self.outbox.remove(0) }
        }
    }

    impl Echo {
        fn new(own: SocketAddr, peer: SocketAddr) -> Self {
            Self { own, peer, outbox: Vec::new(), repeat: None }
        }

        fn ping(&mut self, now: Instant) {
            let (from, to) = (self.own, self.peer);
            self.outbox.push(Output::Send { from, to, bytes: vec![0], label: "ping".into() });
            self.repeat = Some(now + Duration::from_millis(100));
        }
    }

    #[test]
    fn a_lost_packet_is_drawn_and_time_jumps() {
        let a: SocketAddr = ([192, 0, 2, 1], 5060).into();
        let b: SocketAddr = ([192, 0, 2, 2], 5060).into();
        let mut world = World::new();
        let left = world.add("left", &[a], Echo::new(a, b));
        let right = world.add("right", &[b], Echo::new(b, a));
        world.link(left, right).lose("ping", 1);
        world.link(right, left).delay(Duration::from_millis(30));
        world.act(left, |node, now| node.ping(now));
        world.run_for(Duration::from_secs(60));
        assert_eq!(world.elapsed(), Duration::from_secs(60));
        let expected = "         left                              right
     0 ms   |-------------- ping --------------x|
   100 ms   |-------------- ping -------------->|
   110 ms   |<-------------- pong --------------|
   140 ms   | * answered                        |
";
        let squeeze = |s: &str| s.replace(['-', ' '], "");
        assert_eq!(squeeze(&world.ladder()), squeeze(expected), "\n{}", world.ladder());
    }
}
