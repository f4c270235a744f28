//! Where a message came from and where it goes.

use std::{fmt, net::SocketAddr};

use crate::message::Via;

/// A transport of SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the RFC's own words")]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// TCP and TLS: nothing is repeated.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// As Via has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// As the `transport` parameter of a URI has it.
    pub const fn as_param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The port of a URI that names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One way between us and a far side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The transport.
    pub transport: Transport,
    /// Our address on it.
    pub local: SocketAddr,
    /// The far side's.
    pub remote: SocketAddr,
    /// The connection, numbered by whoever owns the sockets. `None` for UDP; `None` on a message to send over TCP
    /// or TLS asks for a new connection to `remote`.
    pub connection: Option<u64>,
}

impl Path {
    /// Where the responses to a request go that came along this path with this topmost Via (RFC 3261 §18.2.2,
    /// RFC 3581 §4). `maddr` is not obeyed: it would let a stranger aim our answers at anyone.
    pub(super) fn reply(&self, via: &Via) -> Self {
        let mut reply = self.clone();
        if !self.transport.is_reliable() && via.rport().is_none() {
            reply.remote.set_port(via.port_or_default());
        }
        reply
    }
}
