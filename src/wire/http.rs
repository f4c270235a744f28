//! HTTP and HTTPS: the page, its WebSocket, health and metrics.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{
        ConnectInfo, Path, State,
        connect_info::Connected,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
    serve::{IncomingStream, Listener},
};
use rust_embed::RustEmbed;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
    time::{Instant, interval, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    address::canonical,
    driver::Inbox,
    metrics::Metrics,
    pages::Pages,
    places::{Place, Places},
};
use crate::{
    config::{Config, Network},
    gateway::Input,
    signalling::web::{MAX_MESSAGE, PageId},
};

/// Pages and WebSockets open at once.
const MAX_CONNECTIONS: usize = 4096;
/// Of one source, a hospital behind one address: proxies that are trusted have all of them.
const MAX_PER_SOURCE: usize = 512;
const HANDSHAKE: Duration = Duration::from_secs(10);
const PING: Duration = Duration::from_secs(20);
/// A page that answers no ping for this long is gone.
const SILENT: Duration = Duration::from_secs(50);
/// A page that does not take a message for this long is gone.
const TAKES: Duration = Duration::from_secs(10);
/// What a page may say at once, and from then on each second.
const BURST: u32 = 40;
const PER_SECOND: u32 = 10;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Assets;

/// What the handlers share.
#[derive(Clone)]
pub(super) struct Site(Arc<Shared>);

struct Shared {
    config: Settings,
    inbox: Inbox,
    pages: Pages,
    metrics: Arc<Metrics>,
}

struct Settings {
    origins: Vec<String>,
    trusted_proxies: Vec<Network>,
    metrics_token: Option<String>,
}

impl Site {
    pub(super) fn new(config: &Config, inbox: Inbox, pages: Pages, metrics: Arc<Metrics>) -> Self {
        let settings = Settings {
            origins: config.web.origins.clone(),
            trusted_proxies: config.web.trusted_proxies.clone(),
            metrics_token: config.web.metrics_token.expose().map(str::to_owned),
        };
        Self(Arc::new(Shared { config: settings, inbox, pages, metrics }))
    }

    /// Who asks: the peer, or whom a trusted proxy speaks for.
    fn source(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |ip: IpAddr| self.0.config.trusted_proxies.iter().any(|network| network.contains(ip));
        let mut source = peer.ip();
        // The last address was written by the proxy next to us, and so on to the first that is not one of ours.
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let listed: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        for entry in listed.into_iter().rev() {
            // What stands before an entry that cannot be read was written by nobody whom we know.
            let Some(ip) = forwarded_address(entry).filter(|_| trusted(source)) else { break };
            source = ip;
        }
        source
    }
}

/// One entry of X-Forwarded-For; some proxies write the port too.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Serves until the task is ended.
pub(super) async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, site: Site) {
    let trusted = site.0.config.trusted_proxies.clone();
    let router = Router::new()
        .route("/", get(index))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/ws", get(socket))
        .route("/assets/{*path}", get(asset))
        .route("/{address}", get(room))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is nothing here.\n") })
        .layer(from_fn_with_state(site.clone(), log))
        .layer(from_fn(security))
        .with_state(site);
    let service = router.into_make_service_with_connect_info::<Peer>();
    if let Err(error) = axum::serve(Doors::open(listener, tls, trusted), service).await {
        tracing::error!(%error, "pages are not served any more");
    }
}

#[derive(Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Doors>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        Self(*stream.remote_addr())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connections whose TLS handshake is done. A slow one keeps nobody else waiting.
struct Doors {
    accepted: mpsc::Receiver<(Box<dyn Duplex>, SocketAddr)>,
    local: SocketAddr,
}

impl Doors {
    fn open(listener: TcpListener, tls: Option<Arc<ServerConfig>>, trusted: Vec<Network>) -> Self {
        let local = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let (queue, accepted) = mpsc::channel(64);
        let places = Places::new(MAX_CONNECTIONS, MAX_PER_SOURCE);
        let proxies = Places::new(MAX_CONNECTIONS, MAX_CONNECTIONS);
        tokio::spawn(async move {
            loop {
                let (stream, remote) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a web connection could not be taken");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                };
                let source = canonical(remote).ip();
                let by_proxy = trusted.iter().any(|network| network.contains(source));
                // One host that opens connections and says nothing must not shut the page to others.
                let Some(place) = (if by_proxy { &proxies } else { &places }).take(source) else {
                    tracing::warn!(%source, "too many web connections");
                    continue;
                };
                let (queue, tls) = (queue.clone(), tls.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let stream: Box<dyn Duplex> = match tls {
                        None => Box::new(Placed { stream, _place: place }),
                        Some(tls) => match timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream)).await {
                            Ok(Ok(stream)) => Box::new(Placed { stream, _place: place }),
                            Ok(Err(error)) => {
                                return tracing::debug!(%remote, %error, "TLS handshake failed");
                            }
                            Err(_) => return tracing::debug!(%remote, "TLS handshake not done in time"),
                        },
                    };
                    let _ = queue.send((stream, canonical(remote))).await;
                });
            }
        });
        Self { accepted, local }
    }
}

/// A stream that holds its place among [`MAX_CONNECTIONS`] for as long as it lives.
struct Placed<S> {
    stream: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        octets: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Listener for Doors {
    type Io = Box<dyn Duplex>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The task above does not end before this one.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

async fn index() -> Response {
    page()
}

async fn room(Path(address): Path<String>) -> Response {
    // Reserved names are no rooms.
    match address.as_str() {
        "portal" | "api" | "favicon.ico" => {
            (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
        }
        _ => page(),
    }
}

fn page() -> Response {
    match Assets::get("index.html") {
        Some(file) => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")],
            file.data,
        )
            .into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The join page was not built with this program: run `make web`, then build again.\n",
        )
            .into_response(),
    }
}

async fn asset(Path(path): Path<String>) -> Response {
    let name = format!("assets/{path}");
    match Assets::get(&name) {
        Some(file) => {
            let kind = file.metadata.mimetype().to_owned();
            // Their names change with their contents.
            let cache = "public, max-age=31536000, immutable".to_owned();
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], file.data).into_response()
        }
        None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

async fn ready(State(site): State<Site>) -> Response {
    if site.0.metrics.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    "ready\n".into_response()
}

/// For scrapers on this machine, or with the token.
async fn metrics(
    State(site): State<Site>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Response {
    // A reverse proxy on this machine speaks for others, be it trusted or not.
    let forwarded = ["x-forwarded-for", "forwarded", "via"].iter().any(|name| headers.contains_key(*name));
    let local = peer.ip().is_loopback() && !forwarded;
    let token = site.0.config.metrics_token.as_deref();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = given.and_then(|value| value.strip_prefix("Bearer "));
    let known = match (token, bearer) {
        (Some(token), Some(bearer)) => {
            aws_lc_rs::constant_time::verify_slices_are_equal(token.as_bytes(), bearer.as_bytes()).is_ok()
        }
        _ => false,
    };
    if !local && !known {
        return (StatusCode::FORBIDDEN, "Metrics are for this machine, or with web.metrics-token.\n")
            .into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], site.0.metrics.text()).into_response()
}

/// A page's WebSocket. Only our own pages may open one: a page from elsewhere would borrow the visitor's network.
async fn socket(
    State(site): State<Site>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN).unwrap_or_default();
    let own = origin.split_once("://").map(|(_, host)| host);
    let allowed = (own.is_some() && own == text(header::HOST))
        || site.0.config.origins.iter().any(|allowed| allowed == origin);
    if !allowed {
        tracing::warn!(%peer, origin, "a WebSocket from another origin is refused");
        return (StatusCode::FORBIDDEN, "This origin may not open a WebSocket here: see web.origins.\n")
            .into_response();
    }
    let source = site.source(peer, &headers);
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| converse(site, socket, source))
}

async fn converse(site: Site, mut socket: WebSocket, source: IpAddr) {
    let (page, mut waiting) = site.0.pages.open();
    tracing::debug!(page = page.0, %source, "page");
    let mut ping = interval(PING);
    let mut heard = Instant::now();
    let mut allowance = Allowance::new();
    loop {
        tokio::select! {
            sent = waiting.recv() => {
                let Some(text) = sent else { break };
                if !send(&mut socket, Message::text(text)).await {
                    break;
                }
            }
            received = socket.recv() => {
                let Some(Ok(message)) = received else { break };
                heard = Instant::now();
                if !allowance.take() {
                    tracing::warn!(page = page.0, %source, "a page says too much and is closed");
                    break;
                }
                match message {
                    Message::Text(text) => say(&site, page, source, text.as_str()).await,
                    Message::Close(_) => break,
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENT || !send(&mut socket, Message::Ping(bytes::Bytes::new())).await {
                    break;
                }
            }
        }
    }
    site.0.pages.close(page);
    site.0.inbox.push(Input::PageClosed { page }).await;
    send(&mut socket, Message::Close(None)).await;
}

/// False if the page takes nothing any more: who does not read must not hold its place for ever.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(TAKES, socket.send(message)).await, Ok(Ok(())))
}

async fn say(site: &Site, page: PageId, source: IpAddr, text: &str) {
    site.0.inbox.push(Input::Page { page, source, text: text.to_owned() }).await;
}

/// A bucket of messages that fills with time.
struct Allowance {
    left: u32,
    filled: Instant,
}

impl Allowance {
    fn new() -> Self {
        Self { left: BURST, filled: Instant::now() }
    }

    fn take(&mut self) -> bool {
        let seconds = u32::try_from(self.filled.elapsed().as_secs()).unwrap_or(u32::MAX);
        if seconds > 0 {
            self.left = self.left.saturating_add(seconds.saturating_mul(PER_SECOND)).min(BURST);
            self.filled = Instant::now();
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

/// Paths are rooms' addresses; queries, where a secret might stand, are left out.
async fn log(
    State(site): State<Site>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let source = site.source(peer, request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::debug!(%source, %method, path, status = response.status().as_u16(), "web");
    response
}

async fn security(request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

const SECURITY: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         media-src 'self' blob: mediastream:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self)",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
