//! Socket addresses as people write them: IPv4 stays IPv4, also on sockets that take both families.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::interfaces;

/// `::ffff:192.0.2.1` as `192.0.2.1`.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The other way round, for sending from a socket of that family.
pub(super) fn for_socket(local: SocketAddr, to: SocketAddr) -> SocketAddr {
    match (local, to.ip()) {
        (SocketAddr::V6(_), IpAddr::V4(v4)) => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
        _ => to,
    }
}

/// A bound socket: both families on `[::]`, IPv4 alone where IPv6 is off.
pub(super) fn bound(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let address = interfaces::bindable(address);
    let protocol = if kind == Type::DGRAM { Protocol::UDP } else { Protocol::TCP };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if kind == Type::STREAM {
        // A port that waits for the last packets of an ended process may be taken again.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if kind == Type::STREAM {
        socket.listen(1024)?;
    }
    Ok(socket)
}

/// Which address of ours a peer reaches: the source address of the route to it. Connecting a UDP socket sends
/// nothing.
pub(super) fn towards(peer: IpAddr) -> Option<IpAddr> {
    let everything: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((everything, 0)).ok()?;
    socket.connect((peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Remembers [`towards`] for the peers of late.
#[derive(Default)]
pub(super) struct Routes(HashMap<IpAddr, IpAddr>);

impl Routes {
    /// Our address as this peer sees it: the bound one, or that of the route where all are bound.
    pub(super) fn local(&mut self, bound: SocketAddr, peer: IpAddr) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        if self.0.len() >= MAX_ROUTES {
            self.0.clear();
        }
        let known = self.0.get(&peer).copied();
        let address = known.or_else(|| {
            let found = towards(peer)?;
            self.0.insert(peer, found);
            Some(found)
        });
        SocketAddr::new(address.unwrap_or_else(|| bound.ip()), bound.port())
    }
}

const MAX_ROUTES: usize = 1024;
