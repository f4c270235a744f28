//! SIP over TCP and TLS: listeners, and connections of ours on demand.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use roomgate_sip::{
    endpoint::{Path, Transport},
    message::{Framed, Framer},
};
use rustls::ServerConfig;
use socket2::Type;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    address::{bound, canonical},
    driver::Inbox,
    places::Places,
};

const MAX_CONNECTIONS: usize = 4096;
const MAX_PER_SOURCE: usize = 64;
/// A connection on which nothing is said: registered endpoints ping more often (RFC 5626 §4.4.1).
const IDLE: Duration = Duration::from_secs(3600);
/// A connection that has not said a whole message yet.
const FIRST_MESSAGE: Duration = Duration::from_secs(30);
/// A message that has begun must end.
const HALF_SENT: Duration = Duration::from_secs(32);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection that cannot be followed any more stays open for our last answer.
const LINGER: Duration = Duration::from_secs(1);
/// Messages that wait for a slow reader. Then the connection is closed.
const QUEUE: usize = 256;

/// The connections that are open, in either direction.
#[derive(Clone)]
pub(super) struct Connections {
    inbox: Inbox,
    shared: Arc<Shared>,
}

struct Shared {
    last: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
    accepted: Places,
}

struct Open {
    transport: Transport,
    remote: SocketAddr,
    queue: mpsc::Sender<Bytes>,
    /// Ends the connection.
    end: Arc<Notify>,
}

impl Connections {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            shared: Arc::new(Shared {
                last: AtomicU64::new(0),
                open: Mutex::default(),
                accepted: Places::new(MAX_CONNECTIONS, MAX_PER_SOURCE),
            }),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.open().len()
    }

    /// Sends on the connection that the path names, or on one to the same place, or on a new one.
    pub(super) fn send(&self, path: &Path, bytes: Bytes) {
        let found = {
            let open = self.open();
            let named = path.connection.and_then(|id| open.get(&id).map(|open| (id, open.queue.clone())));
            let same = |open: &Open| open.transport == path.transport && open.remote == path.remote;
            named.or_else(|| {
                open.iter().find(|(_, open)| same(open)).map(|(id, open)| (*id, open.queue.clone()))
            })
        };
        match (found, path.transport) {
            (Some((id, queue)), _) => {
                if queue.try_send(bytes).is_err() {
                    tracing::warn!(remote = %path.remote, "a slow or closed connection is given up");
                    self.close(id);
                }
            }
            (None, Transport::Tcp) => self.connect(path.remote, bytes),
            // Towards endpoints there is no name to verify a certificate by: only their own connections are used.
            (None, _) => tracing::info!(remote = %path.remote, "no TLS connection to send on any more"),
        }
    }

    fn connect(&self, remote: SocketAddr, first: Bytes) {
        let connections = self.clone();
        tokio::spawn(async move {
            match timeout(HANDSHAKE, TcpStream::connect(remote)).await {
                Ok(Ok(stream)) => {
                    let Ok(local) = stream.local_addr() else { return };
                    connections.run(stream, Transport::Tcp, local, remote, Some(first)).await;
                }
                Ok(Err(error)) => tracing::info!(%remote, %error, "no TCP connection"),
                Err(_) => tracing::info!(%remote, "no TCP connection in time"),
            }
        });
    }

    /// Takes connections until the process ends. With `tls`, SIP over TLS.
    pub(super) async fn listen(self, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
        loop {
            let (stream, remote) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a SIP connection could not be taken");
                    // Out of descriptors: others must end first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let remote = canonical(remote);
            // Counted from here on, so that handshakes which never end count too.
            let Some(place) = self.shared.accepted.take(remote.ip()) else {
                tracing::warn!(%remote, "too many SIP connections");
                continue;
            };
            let Ok(local) = stream.local_addr().map(canonical) else { continue };
            let connections = self.clone();
            let tls = tls.clone();
            tokio::spawn(async move {
                let _place = place;
                let _ = stream.set_nodelay(true);
                let Some(tls) = tls else {
                    return connections.run(stream, Transport::Tcp, local, remote, None).await;
                };
                match timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream)).await {
                    Ok(Ok(stream)) => connections.run(stream, Transport::Tls, local, remote, None).await,
                    Ok(Err(error)) => tracing::info!(%remote, %error, "TLS handshake failed"),
                    Err(_) => tracing::info!(%remote, "TLS handshake not done in time"),
                }
            });
        }
    }

    async fn run<S>(
        &self,
        stream: S,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        first: Option<Bytes>,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let id = self.shared.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        if let Some(first) = first {
            let _ = queue.try_send(first);
        }
        let end = Arc::new(Notify::new());
        self.open().insert(id, Open { transport, remote, queue: queue.clone(), end: Arc::clone(&end) });
        let path = Path { transport, local, remote, connection: Some(id) };
        let (reader, mut writer) = tokio::io::split(stream);
        let read = self.read(reader, path, queue);
        let write = async {
            while let Some(bytes) = waiting.recv().await {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
            }
            writer.shutdown().await
        };
        let ended = tokio::select! {
            ended = read => ended,
            ended = write => ended.map_err(|error| error.to_string()),
            () = end.notified() => Err("given up".to_owned()),
        };
        tracing::debug!(%remote, connection = id, ended = ended.err(), "SIP connection closed");
        self.close(id);
        self.inbox.offer_closed(id).await;
    }

    async fn read<R: AsyncRead + Unpin>(
        &self,
        mut reader: R,
        path: Path,
        queue: mpsc::Sender<Bytes>,
    ) -> Result<(), String> {
        let mut framer = Framer::new();
        let mut buffer = vec![0; 16 * 1024];
        let mut patience = FIRST_MESSAGE;
        loop {
            let len = match timeout(patience, reader.read(&mut buffer)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(len)) => len,
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("nothing was said for too long".to_owned()),
            };
            framer.push(buffer.get(..len).unwrap_or_default());
            loop {
                match framer.next_framed() {
                    Ok(Some(Framed::Message(bytes))) => {
                        patience = IDLE;
                        self.inbox.push_sip(path.clone(), bytes).await;
                    }
                    Ok(Some(Framed::Ping)) => {
                        patience = IDLE;
                        let _ = queue.try_send(Bytes::from_static(b"\r\n"));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        // What was answered to the unreadable message still goes out; nothing more is read.
                        let _ = timeout(LINGER, std::future::pending::<()>()).await;
                        return Err(error.to_string());
                    }
                }
            }
            if patience == IDLE && framer.is_within_message() {
                patience = HALF_SENT;
            } else if patience == HALF_SENT && !framer.is_within_message() {
                patience = IDLE;
            }
        }
    }

    fn close(&self, id: u64) {
        if let Some(open) = self.open().remove(&id) {
            open.end.notify_one();
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Open>> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bound listener.
pub(super) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(bound(address, Type::STREAM)?.into())
}
