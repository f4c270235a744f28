//! What goes into the gateway and what comes out.

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc, time::Instant};

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

/// Without what was received: keys, dial strings and typed PINs are in it.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip { path, bytes } => write!(f, "Sip({}, {} octets)", path.remote, bytes.len()),
            Self::SipClosed { connection } => write!(f, "SipClosed({connection})"),
            Self::Page { page, text, .. } => write!(f, "Page({}, {} octets)", page.0, text.len()),
            Self::PageClosed { page } => write!(f, "PageClosed({})", page.0),
            Self::Ports { leg, result } => write!(f, "Ports({leg}, {result:?})"),
            Self::Plane(event) => write!(f, "Plane({event:?})"),
            Self::Directory(directory) => write!(f, "Directory({})", directory.seq()),
            Self::Bindings(bindings) => write!(f, "Bindings({})", bindings.len()),
            Self::Drain => f.write_str("Drain"),
            Self::Timeout => f.write_str("Timeout"),
        }
    }
}

/// Without what is sent: an answer repeats the dial string, and an SDP has keys.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit { path, bytes } => write!(f, "Transmit({}, {} octets)", path.remote, bytes.len()),
            Self::SendPage { page, text } => write!(f, "SendPage({}, {} octets)", page.0, text.len()),
            Self::ClosePage { page } => write!(f, "ClosePage({})", page.0),
            Self::OpenPorts { leg, towards } => write!(f, "OpenPorts({leg}, {towards})"),
            Self::Plane(command) => write!(f, "Plane({command:?})"),
            Self::SaveBindings { account, bindings } => {
                write!(f, "SaveBindings({account}, {})", bindings.len())
            }
            Self::SaveCall(record) => write!(f, "SaveCall({record:?})"),
            Self::Drained => f.write_str("Drained"),
            Self::Timeout(timeout) => write!(f, "Timeout({timeout:?})"),
        }
    }
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
