//! Numbers for Prometheus. What the gateway counts is published after each of its steps; what the wire counts, at
//! once.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::gateway::Tally;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WhatLabel {
    what: &'static str,
}

/// All numbers of this process.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) sip_dropped: Counter,
    pub(super) packets_in: Counter,
    pub(super) packets_out: Counter,
    pub(super) packets_dropped: Counter,
    pub(super) jobs: Counter,
    pub(super) jobs_lost: Counter,
    calls: Family<StageLabel, Gauge>,
    rooms: Gauge,
    bindings: Gauge,
    connections: Gauge,
    happened: Family<WhatLabel, Gauge<u64, AtomicU64>>,
    draining: AtomicBool,
    last: Mutex<Tally>,
}

const STAGES: [&str; 5] = ["arriving", "asking", "waiting", "seated", "releasing"];

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("roomgate");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let sip_dropped = counter("sip_dropped", "SIP datagrams dropped for want of room");
        let packets_in = counter("media_packets_in", "Media packets received");
        let packets_out = counter("media_packets_out", "Media packets sent");
        let packets_dropped = counter("media_packets_dropped", "Media packets the kernel did not take");
        let jobs = counter("codec_jobs", "Pieces of decoding, composing and encoding");
        let jobs_lost = counter("codec_jobs_lost", "Pieces of codec work that failed");
        let (calls, happened) = (Family::default(), Family::default());
        let (rooms, bindings, connections) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("calls", "Calls by the stage they are in", Family::clone(&calls));
        registry.register("rooms_open", "Rooms with somebody in them", rooms.clone());
        registry.register("bindings", "Registered contacts", bindings.clone());
        registry.register("sip_connections", "SIP connections over TCP and TLS", connections.clone());
        registry.register("happened", "What has happened since the start, by name", Family::clone(&happened));
        Self {
            registry,
            sip_dropped,
            packets_in,
            packets_out,
            packets_dropped,
            jobs,
            jobs_lost,
            calls,
            rooms,
            bindings,
            connections,
            happened,
            draining: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// What the gateway says after a step.
    pub(super) fn publish(&self, tally: &Tally, connections: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for stage in STAGES {
            let count = tally.calls.get(stage).copied().unwrap_or_default();
            self.calls.get_or_create(&StageLabel { stage }).set(number(count));
        }
        self.rooms.set(number(tally.rooms));
        self.bindings.set(number(tally.bindings));
        self.connections.set(number(connections));
        for (what, count) in &tally.counters {
            if last.counters.get(what) != Some(count) {
                self.happened.get_or_create(&WhatLabel { what }).set(*count);
            }
        }
        last.counters.clone_from(&tally.counters);
    }

    pub(super) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// In the OpenMetrics text form.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
