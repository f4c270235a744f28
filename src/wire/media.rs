//! The media thread: owns the media plane, its sockets and its clock; beside it the workers that decode, compose and
//! encode.
//!
//! Everything of the plane runs on one thread with a runtime of its own, so that no lock stands between a packet and
//! its way out. Video work never delays it: that is what the workers are for.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc},
    thread,
    time::Instant,
};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::Type;
use tokio::{
    io::Interest,
    net::UdpSocket,
    sync::{Notify, mpsc, oneshot},
    task::{JoinHandle, LocalSet, spawn_local, yield_now},
    time::sleep_until,
};

use super::{
    address::{bound, canonical, for_socket, towards},
    driver::{Inbox, is_loopback_only, unix_ms},
    interfaces::local_addresses,
    metrics::Metrics,
};
use crate::{
    config::{Config, MediaAddress, PortRange},
    gateway::Input,
    ids::{LegId, TrackId},
    ivr::Voices,
    plane::{
        Job, JobDone, MediaPlane, PlaneCommand, PlaneConfig, PlaneEvent, PlaneInput, PlaneOutput, SocketId,
    },
    signalling::LocalMedia,
};

/// What the control task asks of the media thread.
#[derive(Debug)]
pub(super) enum MediaRequest {
    OpenPorts { leg: LegId, towards: IpAddr },
    Plane(PlaneCommand),
}

/// The media thread, as the control task sees it.
pub(super) struct Media {
    requests: mpsc::UnboundedSender<MediaRequest>,
    ended: oneshot::Receiver<()>,
}

impl Media {
    /// Starts the thread and its workers. Fails where the browsers' port cannot be bound.
    pub(super) fn start(config: &Config, inbox: Inbox, metrics: Arc<Metrics>) -> io::Result<Self> {
        let range = config.media.ports;
        let address = match config.media.address {
            // A demonstration on this machine alone opens nothing to others.
            MediaAddress::Fixed(address) if address.is_loopback() => address,
            _ => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let browsers: std::net::UdpSocket = bound(SocketAddr::new(address, range.first), Type::DGRAM)?.into();
        let addresses = browser_addresses(config);
        let address = match config.media.address {
            MediaAddress::Fixed(address) => Some(address),
            MediaAddress::Auto => None,
        };
        let (requests, waiting) = mpsc::unbounded_channel();
        let start = Start { range, address, addresses, browsers, inbox, metrics, waiting };
        // Dropped when the thread ends, in whatever way.
        let (alive, ended) = oneshot::channel::<()>();
        thread::Builder::new().name("media".to_owned()).spawn(move || {
            let _alive = alive;
            start.run();
        })?;
        Ok(Self { requests, ended })
    }

    /// Waits until the thread has ended, which it does of itself only when something is badly wrong.
    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    pub(super) fn send(&self, request: MediaRequest) -> Result<(), ()> {
        self.requests.send(request).map_err(|_| ())
    }
}

/// The addresses that browsers may reach our one port at, best first.
fn browser_addresses(config: &Config) -> Vec<SocketAddr> {
    let port = config.media.ports.first;
    let mut addresses = match config.media.address {
        MediaAddress::Fixed(address) => vec![address],
        MediaAddress::Auto => local_addresses(),
    };
    if is_loopback_only(config.web.listen.address) || addresses.is_empty() {
        addresses.push(std::net::Ipv4Addr::LOCALHOST.into());
    }
    addresses.dedup();
    addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
}

struct Start {
    range: PortRange,
    address: Option<IpAddr>,
    addresses: Vec<SocketAddr>,
    browsers: std::net::UdpSocket,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    waiting: mpsc::UnboundedReceiver<MediaRequest>,
}

impl Start {
    fn run(self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "the media thread cannot start"),
        };
        LocalSet::new().block_on(&runtime, self.serve());
    }

    async fn serve(mut self) {
        let (jobs, mut done) = workers(&self.metrics);
        let Some((first, more)) = self.addresses.split_first() else { return };
        let plane = MediaPlane::new(
            PlaneConfig {
                browsers: *first,
                more_browsers: more.to_vec(),
                voices: Arc::new(Voices::built_in()),
                seed: super::entropy().map(|seed: [u8; 8]| u64::from_le_bytes(seed)).unwrap_or_default(),
            },
            Instant::now(),
        );
        let shared = Rc::new(Shared {
            core: RefCell::new(Core {
                plane,
                sockets: HashMap::new(),
                jobs,
                inbox: self.inbox.clone(),
                metrics: Arc::clone(&self.metrics),
                batch: Batch::default(),
                timeout: None,
                armed: None,
            }),
            earlier: Notify::new(),
        });
        let browsers = match Socket::new(self.browsers) {
            Ok(socket) => Rc::new(socket),
            Err(error) => return tracing::error!(%error, "the browsers' port cannot be used"),
        };
        shared.core.borrow_mut().sockets.insert(SocketId::Browsers, Rc::clone(&browsers));
        spawn_local(receive(Rc::clone(&shared), SocketId::Browsers, browsers));
        let mut ports = Ports { range: self.range, next: self.range.first, readers: HashMap::new() };
        loop {
            let timeout = {
                let mut core = shared.core.borrow_mut();
                core.armed = core.timeout;
                core.timeout
            };
            let due = sleep_until(timeout.unwrap_or_else(super::driver::far).into());
            tokio::select! {
                biased;
                request = self.waiting.recv() => match request {
                    None => return,
                    Some(MediaRequest::OpenPorts { leg, towards: peer }) => {
                        let address = self.address.or_else(|| towards(peer));
                        let result = ports.open(&shared, leg, address);
                        self.inbox.media(Input::Ports { leg, result });
                    }
                    Some(MediaRequest::Plane(command)) => {
                        let closed = match &command {
                            PlaneCommand::Close { leg } => Some(*leg),
                            _ => None,
                        };
                        shared.core.borrow_mut().step(PlaneInput::Command(command));
                        if let Some(leg) = closed {
                            ports.close(&shared, leg);
                        }
                    }
                },
                Some(finished) = done.recv() => shared.core.borrow_mut().step(PlaneInput::Done(finished)),
                () = due => shared.core.borrow_mut().step(PlaneInput::Timeout),
                () = shared.earlier.notified() => {}
            }
        }
    }
}

struct Shared {
    core: RefCell<Core>,
    /// The plane wants to be called earlier than the loop sleeps.
    earlier: Notify,
}

struct Core {
    plane: MediaPlane,
    sockets: HashMap<SocketId, Rc<Socket>>,
    jobs: std_mpsc::Sender<Job>,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    batch: Batch,
    timeout: Option<Instant>,
    /// What the loop sleeps until.
    armed: Option<Instant>,
}

impl Core {
    /// One input, and all that follows from it.
    fn step(&mut self, input: PlaneInput<'_>) {
        let unix_ms = u64::try_from(unix_ms()).unwrap_or_default();
        self.plane.handle_input(Instant::now(), unix_ms, input);
        loop {
            match self.plane.poll_output() {
                PlaneOutput::Transmit { socket, to, bytes } => {
                    // Falls to one where the kernel or the network card cannot segment.
                    let most = self.sockets.get(&socket).map_or(1, |socket| socket.state.max_gso_segments());
                    if !self.batch.takes(socket, to, bytes.len(), most.min(MAX_SEGMENTS)) {
                        self.flush();
                    }
                    self.batch.push(socket, to, &bytes);
                }
                PlaneOutput::Work(job) => {
                    self.metrics.jobs.inc();
                    // It fails when the workers have ended, and then the process does.
                    let _ = self.jobs.send(job);
                }
                PlaneOutput::Event(event) => {
                    if let PlaneEvent::Lost { leg } = &event {
                        tracing::info!(%leg, "no media comes any more");
                    }
                    self.inbox.media(Input::Plane(event));
                }
                PlaneOutput::Timeout(timeout) => {
                    self.flush();
                    self.timeout = timeout;
                    return;
                }
            }
        }
    }

    fn flush(&mut self) {
        let batch = &mut self.batch;
        if let Some((id, to)) = batch.target.take()
            && let Some(socket) = self.sockets.get(&id)
        {
            let packets = u64::try_from(batch.packets).unwrap_or_default();
            let segment = (batch.packets > 1).then_some(batch.segment);
            match socket.send(to, &batch.octets, segment) {
                Ok(()) => self.metrics.packets_out.inc_by(packets),
                Err(_) => self.metrics.packets_dropped.inc_by(packets),
            };
        }
        batch.octets.clear();
        batch.packets = 0;
        batch.whole = true;
    }
}

/// Packets for one destination, of equal sizes but for the last: one system call sends them all (UDP GSO).
#[derive(Default)]
struct Batch {
    target: Option<(SocketId, SocketAddr)>,
    octets: Vec<u8>,
    segment: usize,
    packets: usize,
    /// No shorter packet has ended it.
    whole: bool,
}

impl Batch {
    fn takes(&self, socket: SocketId, to: SocketAddr, len: usize, most: usize) -> bool {
        match self.target {
            None => true,
            Some(target) => {
                target == (socket, to)
                    && self.whole
                    && len <= self.segment
                    && self.packets < most
                    && self.octets.len() + len <= MAX_BATCH
            }
        }
    }

    fn push(&mut self, socket: SocketId, to: SocketAddr, bytes: &[u8]) {
        if self.target.is_none() {
            self.target = Some((socket, to));
            self.segment = bytes.len();
            self.whole = true;
        }
        self.whole = bytes.len() == self.segment;
        self.octets.extend_from_slice(bytes);
        self.packets += 1;
    }
}

/// What kernels take in one call.
const MAX_SEGMENTS: usize = 48;
const MAX_BATCH: usize = 60_000;

struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl Socket {
    fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Bursts of key frames arrive faster than they are read.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER);
        let local = socket.local_addr()?;
        Ok(Self { io: UdpSocket::from_std(socket)?, state, local })
    }

    fn send(&self, to: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let destination = for_socket(self.local, to);
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        self.io.try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.io), &transmit))
    }
}

const SOCKET_BUFFER: usize = 1 << 20;
/// Reads of one socket before the others, the clock and the control task have their turn.
const IN_A_ROW: u32 = 16;

/// Receives on one socket until it is closed. Several datagrams may come in one call (UDP GRO).
async fn receive(shared: Rc<Shared>, id: SocketId, socket: Rc<Socket>) {
    let mut buffer = vec![0; 65_536];
    let mut in_a_row = 0;
    loop {
        if socket.io.readable().await.is_err() {
            return;
        }
        // A socket that always has something keeps the thread: its readiness is no await for the scheduler.
        in_a_row += 1;
        if in_a_row >= IN_A_ROW {
            in_a_row = 0;
            yield_now().await;
        }
        let mut meta = [RecvMeta::default()];
        let received = socket.io.try_io(Interest::READABLE, || {
            socket.state.recv(UdpSockRef::from(&socket.io), &mut [IoSliceMut::new(&mut buffer)], &mut meta)
        });
        let [meta] = meta;
        // Nothing there after all, or an earlier packet met a closed port.
        if received.is_err() || meta.len == 0 {
            continue;
        }
        let from = canonical(meta.addr);
        let mut core = shared.core.borrow_mut();
        for bytes in buffer.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1)) {
            core.metrics.packets_in.inc();
            core.step(PlaneInput::Received { socket: id, from, bytes });
        }
        let earlier = match (core.timeout, core.armed) {
            (Some(wanted), Some(armed)) => wanted < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier {
            core.armed = core.timeout;
            shared.earlier.notify_one();
        }
    }
}

/// The port numbers of legs: even ones for RTP, the next for RTCP (RFC 3550 §11). The first two are the browsers'.
struct Ports {
    range: PortRange,
    next: u16,
    readers: HashMap<LegId, Vec<JoinHandle<()>>>,
}

impl Ports {
    fn open(
        &mut self,
        shared: &Rc<Shared>,
        leg: LegId,
        address: Option<IpAddr>,
    ) -> Result<LocalMedia, String> {
        let address = address.ok_or("no address of ours reaches this peer")?;
        let entropy = super::entropy().map_err(|error| error.to_string())?;
        let (audio, audio_sockets) = self.pair(address).ok_or("all media ports are taken")?;
        let (video, video_sockets) = self.pair(address).ok_or("all media ports are taken")?;
        let readers = self.readers.entry(leg).or_default();
        let tracks = [(TrackId::audio(leg), audio_sockets), (TrackId::video(leg), video_sockets)];
        for (track, [rtp, rtcp]) in tracks {
            for (id, socket) in [(SocketId::Rtp(track), rtp), (SocketId::Rtcp(track), rtcp)] {
                let socket = Rc::new(socket);
                shared.core.borrow_mut().sockets.insert(id, Rc::clone(&socket));
                readers.push(spawn_local(receive(Rc::clone(shared), id, socket)));
            }
        }
        Ok(LocalMedia::Ports { address, audio, video, entropy })
    }

    /// An even port and the one above it, both bound.
    fn pair(&mut self, address: IpAddr) -> Option<(u16, [Socket; 2])> {
        let first = self.range.first.checked_add(2)?;
        let first = first + first % 2;
        let count = self.range.last.checked_sub(first)?.div_ceil(2);
        for _ in 0..count {
            let port = if self.next < first || self.next >= self.range.last { first } else { self.next };
            self.next = port.saturating_add(2);
            let open = |port| {
                let socket = match bound(SocketAddr::new(address, port), Type::DGRAM) {
                    // What peers are told is another device's address, which hands packets on to us.
                    Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                        let everywhere: IpAddr = match address {
                            IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
                            IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
                        };
                        bound(SocketAddr::new(everywhere, port), Type::DGRAM).ok()?
                    }
                    bound => bound.ok()?,
                };
                Socket::new(socket.into()).ok()
            };
            if let (Some(rtp), Some(rtcp)) = (open(port), open(port + 1)) {
                return Some((port, [rtp, rtcp]));
            }
        }
        None
    }

    fn close(&mut self, shared: &Shared, leg: LegId) {
        for reader in self.readers.remove(&leg).unwrap_or_default() {
            reader.abort();
        }
        let mut core = shared.core.borrow_mut();
        for track in [TrackId::audio(leg), TrackId::video(leg)] {
            core.sockets.remove(&SocketId::Rtp(track));
            core.sockets.remove(&SocketId::Rtcp(track));
        }
    }
}

/// One thread a core for decoding, composing and encoding. A job that panics loses its state, not its thread.
fn workers(metrics: &Arc<Metrics>) -> (std_mpsc::Sender<Job>, mpsc::UnboundedReceiver<JobDone>) {
    let (jobs, waiting) = std_mpsc::channel::<Job>();
    let waiting = Arc::new(Mutex::new(waiting));
    let (finished, done) = mpsc::unbounded_channel();
    let count = thread::available_parallelism().map_or(1, usize::from);
    for number in 0..count {
        let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
        let metrics = Arc::clone(metrics);
        let work = move || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = next else { return };
                let id = job.id();
                let result = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| {
                    tracing::error!(?id, "a codec has failed; it starts anew");
                    metrics.jobs_lost.inc();
                    JobDone::lost(id)
                });
                if finished.send(result).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = thread::Builder::new().name(format!("codec-{number}")).spawn(work) {
            tracing::error!(%error, "a worker thread cannot start");
        }
    }
    (jobs, done)
}
