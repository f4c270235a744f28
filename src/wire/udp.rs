//! SIP over UDP.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use roomgate_sip::endpoint::{Path, Transport};
use socket2::Type;
use tokio::net::UdpSocket;

use super::{
    address::{Routes, bound, canonical, for_socket},
    driver::Inbox,
    metrics::Metrics,
};

/// One bound socket.
pub(super) struct SipUdp {
    socket: UdpSocket,
    local: SocketAddr,
}

impl SipUdp {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Arc<Self>> {
        let socket = bound(address, Type::DGRAM)?;
        let socket = UdpSocket::from_std(socket.into())?;
        let local = socket.local_addr()?;
        Ok(Arc::new(Self { socket, local }))
    }

    pub(super) const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether a path of the gateway's began on this socket.
    pub(super) fn carries(&self, path: &Path) -> bool {
        let same_family = self.local.is_ipv6() || path.remote.is_ipv4();
        self.local.port() == path.local.port()
            && same_family
            && (self.local.ip().is_unspecified() || self.local.ip() == path.local.ip())
    }

    /// Sends, or drops where the kernel's buffer is full: SIP repeats what matters.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.try_send_to(bytes, for_socket(self.local, to)).map(drop)
    }

    /// Receives until the process ends.
    pub(super) async fn receive(self: Arc<Self>, inbox: Inbox, metrics: Arc<Metrics>) {
        let mut routes = Routes::default();
        let mut buffer = vec![0; 65_535];
        loop {
            let (len, from) = match self.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                // An earlier datagram met a closed port; or the like. The socket lives on.
                Err(error) => {
                    tracing::debug!(%error, "SIP over UDP");
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            let Some(datagram) = buffer.get(..len) else { continue };
            // Keep-alives of a few octets (RFC 5626 §3.5.2, and blanks that devices send).
            if datagram.iter().all(|octet| octet.is_ascii_whitespace() || *octet == 0) {
                continue;
            }
            let remote = canonical(from);
            let local = routes.local(self.local, remote.ip());
            let path = Path { transport: Transport::Udp, local: canonical(local), remote, connection: None };
            if !inbox.offer_sip(path, Bytes::copy_from_slice(datagram)) {
                metrics.sip_dropped.inc();
            }
        }
    }
}
