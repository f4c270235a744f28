//! What goes into the gateway and what comes out.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use roomgate_sip::endpoint::{EndpointConfig, Path};

use crate::{
    config::UnknownRoom,
    ids::LegId,
    plane::{PlaneCommand, PlaneEvent},
    signalling::{LocalMedia, web::PageId},
    store::{BindingRecord, CallRecord, Directory},
};

/// What a gateway is told at its start.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    pub sip: EndpointConfig,
    pub unknown_room: UnknownRoom,
    /// Calls that have not come to a seat or a lobby, of one source and of all.
    pub arrivals_per_source: usize,
    pub arrivals: usize,
}

impl GatewayConfig {
    pub fn new(sip: EndpointConfig, unknown_room: UnknownRoom) -> Self {
        Self { sip, unknown_room, arrivals_per_source: 4, arrivals: 50 }
    }
}

/// One input.
#[derive(Debug)]
pub enum Input {
    /// One datagram, or one message cut from a stream.
    Sip {
        path: Path,
        bytes: Bytes,
    },
    SipClosed {
        connection: u64,
    },
    /// One text message from a page's WebSocket.
    Page {
        page: PageId,
        source: IpAddr,
        text: String,
    },
    PageClosed {
        page: PageId,
    },
    /// The answer to [`Output::OpenPorts`].
    Ports {
        leg: LegId,
        result: Result<LocalMedia, String>,
    },
    Plane(PlaneEvent),
    /// Rooms or endpoints have changed.
    Directory(Arc<Directory>),
    /// Once, at start: the bindings that outlived the last process.
    Bindings(Vec<BindingRecord>),
    /// Take no more calls and end those that are there, telling why.
    Drain,
    Timeout,
}

/// One output.
#[derive(Debug)]
pub enum Output {
    Transmit {
        path: Path,
        bytes: Bytes,
    },
    SendPage {
        page: PageId,
        text: String,
    },
    /// Close the WebSocket when everything has been sent.
    ClosePage {
        page: PageId,
    },
    /// Open the sockets of a leg's streams, on the address that reaches this peer.
    OpenPorts {
        leg: LegId,
        towards: IpAddr,
    },
    Plane(PlaneCommand),
    /// Replaces what is stored of this account's bindings.
    SaveBindings {
        account: String,
        bindings: Vec<BindingRecord>,
    },
    SaveCall(CallRecord),
    /// After [`Input::Drain`]: no call is left.
    Drained,
    Timeout(Option<Instant>),
}

/// Numbers for the metrics.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls by the stage they are in.
    pub calls: BTreeMap<&'static str, usize>,
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// Registered contacts.
    pub bindings: usize,
    /// What has been counted since the start.
    pub counters: BTreeMap<&'static str, u64>,
}
