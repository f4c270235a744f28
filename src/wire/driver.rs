//! The control task: owns the gateway, hands it what happens and does what it says.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use roomgate_sip::endpoint::{EndpointConfig, Path, Transport};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{interval, sleep_until},
};

use super::{
    Listening, ServeError, ServeOptions, address, http,
    interfaces::local_addresses,
    media::{Media, MediaRequest},
    metrics::Metrics,
    pages::Pages,
    tcp::{self, Connections},
    udp::SipUdp,
};
use crate::{
    config::{Config, MediaAddress, SipTransport},
    gateway::{Gateway, GatewayConfig, Input, Output},
    store::{behind::Behind, watch},
};

/// What the network may have waiting for the gateway. UDP beyond it is dropped; streams wait.
const INBOX: usize = 4096;
/// How long calls may take to be told that the gateway stops.
const GRACE: Duration = Duration::from_secs(5);

/// Where everything that happens goes. The network's is bounded; the media thread's own words are few and never lost.
#[derive(Clone)]
pub(super) struct Inbox {
    network: mpsc::Sender<Input>,
    media: mpsc::UnboundedSender<Input>,
}

impl Inbox {
    /// A datagram, if there is room for it.
    pub(super) fn offer_sip(&self, path: Path, bytes: Bytes) -> bool {
        self.network.try_send(Input::Sip { path, bytes }).is_ok()
    }

    /// A message from a stream, which waits until there is room.
    pub(super) async fn push_sip(&self, path: Path, bytes: Bytes) {
        self.push(Input::Sip { path, bytes }).await;
    }

    pub(super) async fn offer_closed(&self, connection: u64) {
        self.push(Input::SipClosed { connection }).await;
    }

    pub(super) async fn push(&self, input: Input) {
        // It fails when the gateway has ended: then there is nobody to tell.
        let _ = self.network.send(input).await;
    }

    pub(super) fn media(&self, input: Input) {
        let _ = self.media.send(input);
    }
}

/// Serves until a signal ends it: SIGTERM or SIGINT, which tells callers first; a second one ends it at once.
pub async fn serve(options: ServeOptions) -> Result<(), ServeError> {
    let ServeOptions { config, store, certificates, on_ready } = options;
    let (network, network_inputs) = mpsc::channel(INBOX);
    let (media_inputs, media_receiver) = mpsc::unbounded_channel();
    let inbox = Inbox { network, media: media_inputs };
    let metrics = Arc::new(Metrics::new());
    let connections = Connections::new(inbox.clone());
    let mut listening = Vec::new();
    let mut sockets = Vec::new();
    let mut listeners = Vec::new();
    for (index, listen) in config.sip.listen.iter().enumerate() {
        let key = format!("sip.listen.{index}");
        let refuse = |error: std::io::Error| config.refuse_listen(&key, listen.address, &error);
        let local = match listen.transport {
            SipTransport::Udp => {
                let socket = SipUdp::bind(listen.address).map_err(refuse)?;
                let local = socket.local();
                sockets.push(socket);
                local
            }
            SipTransport::Tcp | SipTransport::Tls => {
                let listener = tcp::listener(listen.address).map_err(refuse)?;
                let local = listener.local_addr().map_err(refuse)?;
                let tls = (listen.transport == SipTransport::Tls).then(|| certificates.server_config(&[]));
                listeners.push((listener, tls));
                local
            }
        };
        listening.push((listen.transport, address::canonical(local)));
    }
    let refuse_web =
        |error: std::io::Error| config.refuse_listen("web.listen", config.web.listen.address, &error);
    let web = tcp::listener(config.web.listen.address).map_err(refuse_web)?;
    let web_address = address::canonical(web.local_addr().map_err(refuse_web)?);
    let media = Media::start(&config, inbox.clone(), Arc::clone(&metrics)).map_err(|error| {
        let range = config.media.ports;
        let problem = format!("UDP port {} cannot be opened: {error}", range.first);
        config.refuse("media.ports", problem, "write a range of ports that no other program uses")
    })?;

    let (directories, following) = watch::follow(store.clone()).await?;
    let restored = store.load_bindings().await?;
    let (behind, written) = Behind::start(store);
    let gateway = Gateway::new(gateway_config(&config)?, directories.now());
    let pages = Pages::default();
    for (listener, tls) in listeners {
        tokio::spawn(connections.clone().listen(listener, tls));
    }
    for socket in &sockets {
        tokio::spawn(Arc::clone(socket).receive(inbox.clone(), Arc::clone(&metrics)));
    }
    let site = http::Site::new(&config, inbox.clone(), pages.clone(), Arc::clone(&metrics));
    let tls = config.web.listen.secure.then(|| certificates.server_config(&["http/1.1"]));
    let serving = tokio::spawn(http::serve(web, tls, site));
    inbox.push(Input::Bindings(restored)).await;
    on_ready(&Listening { sip: listening, web: web_address });

    let control = Control {
        gateway,
        network: network_inputs,
        media_inputs: media_receiver,
        directories,
        media,
        sockets,
        connections,
        pages,
        behind,
        metrics,
        certificates,
    };
    // A task of its own, so that a panic in it ends the process with an error instead of hanging it.
    let ended = tokio::spawn(control.run()).await;
    serving.abort();
    following.abort();
    let ended = ended.map_err(|error| ServeError::Failed(format!("the control task ended: {error}")))?;
    if written.await.is_err() {
        tracing::error!("the last call records were not written");
    }
    ended
}

struct Control {
    gateway: Gateway,
    network: mpsc::Receiver<Input>,
    media_inputs: mpsc::UnboundedReceiver<Input>,
    directories: watch::Directories,
    media: Media,
    sockets: Vec<Arc<SipUdp>>,
    connections: Connections,
    pages: Pages,
    behind: Behind,
    metrics: Arc<Metrics>,
    certificates: Arc<super::tls::CertificateStore>,
}

impl Control {
    async fn run(mut self) -> Result<(), ServeError> {
        let failed =
            |error: std::io::Error| ServeError::Failed(format!("no signals can be received: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut minute = interval(Duration::from_secs(60));
        let mut timeout = None;
        let mut grace: Option<Instant> = None;
        loop {
            let due = sleep_until(timeout.unwrap_or_else(far).into());
            let over = sleep_until(grace.unwrap_or_else(far).into());
            let input = tokio::select! {
                biased;
                _ = terminate.recv() => Input::Drain,
                _ = interrupt.recv() => Input::Drain,
                () = over => {
                    tracing::warn!("calls were cut off at the end of the grace period");
                    return Ok(());
                }
                // Without media there is no gateway: better restarted than deaf.
                () = self.media.ended() => {
                    return Err(ServeError::Failed("the media thread has ended".to_owned()));
                }
                Some(input) = self.media_inputs.recv() => input,
                () = due => Input::Timeout,
                Some(directory) = self.directories.changed() => Input::Directory(directory),
                Some(input) = self.network.recv() => input,
                _ = minute.tick() => {
                    if let Err(error) = self.certificates.refresh() {
                        tracing::error!(%error, "the new certificate cannot be used; the old one stays");
                    }
                    continue;
                }
            };
            if matches!(input, Input::Drain) {
                if grace.is_some() {
                    tracing::warn!("a second signal: ending at once");
                    return Ok(());
                }
                tracing::info!("stopping: callers are told");
                grace = Some(Instant::now() + GRACE);
                self.metrics.set_draining();
            }
            self.gateway.handle_input(Instant::now(), unix_ms(), input);
            loop {
                match self.gateway.poll_output() {
                    Output::Timeout(next) => {
                        timeout = next;
                        break;
                    }
                    Output::Drained => {
                        tracing::info!("stopped");
                        return Ok(());
                    }
                    output => self.perform(output)?,
                }
            }
            self.metrics.publish(&self.gateway.tally(), self.connections.count());
        }
    }

    fn perform(&self, output: Output) -> Result<(), ServeError> {
        match output {
            Output::Transmit { path, bytes } => self.transmit(&path, bytes),
            Output::SendPage { page, text } => self.pages.send(page, text),
            Output::ClosePage { page } => self.pages.close(page),
            Output::OpenPorts { leg, towards } => self.ask_media(MediaRequest::OpenPorts { leg, towards })?,
            Output::Plane(command) => self.ask_media(MediaRequest::Plane(command))?,
            Output::SaveBindings { account, bindings } => self.behind.save_bindings(&account, bindings),
            Output::SaveCall(call) => self.behind.save_call(call),
            Output::Drained | Output::Timeout(_) => {}
        }
        Ok(())
    }

    fn ask_media(&self, request: MediaRequest) -> Result<(), ServeError> {
        self.media.send(request).map_err(|()| ServeError::Failed("the media thread has ended".to_owned()))
    }

    fn transmit(&self, path: &Path, bytes: Bytes) {
        if path.transport != Transport::Udp {
            return self.connections.send(path, bytes);
        }
        let Some(socket) = self.sockets.iter().find(|socket| socket.carries(path)) else {
            return tracing::warn!(remote = %path.remote, "no UDP socket for this path");
        };
        if let Err(error) = socket.send(path.remote, &bytes) {
            tracing::debug!(remote = %path.remote, %error, "SIP over UDP was not sent");
            self.metrics.sip_dropped.inc();
        }
    }
}

fn gateway_config(config: &Config) -> Result<GatewayConfig, ServeError> {
    let mut sip = EndpointConfig::new(super::entropy()?);
    sip.domains.clone_from(&config.sip.domains);
    sip.realm.clone_from(&config.sip.realm);
    sip.anonymous_calls = config.sip.anonymous_calls;
    sip.addresses = local_addresses();
    if let MediaAddress::Fixed(address) = config.media.address {
        sip.addresses.push(address);
    }
    Ok(GatewayConfig::new(sip, config.sip.unknown_room))
}

pub(super) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time that does not come.
pub(super) fn far() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 3600)
}

/// The address that a page or a peer is told, where all are bound.
pub(super) fn is_loopback_only(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}
