//! The typed values of the configuration and how each is read. A refusal is the problem and its remedy.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

type Refusal = (String, String);

/// A SIP transport that we listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SipTransport {
    Udp,
    Tcp,
    Tls,
}

impl SipTransport {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// One SIP listening address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipListen {
    pub transport: SipTransport,
    pub address: SocketAddr,
}

impl SipListen {
    pub(super) fn defaults() -> Vec<Self> {
        [(SipTransport::Udp, 5060), (SipTransport::Tcp, 5060), (SipTransport::Tls, 5061)]
            .map(|(transport, port)| Self {
                transport,
                address: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
            })
            .to_vec()
    }

    /// Whether both want the same socket: TLS runs on TCP.
    pub(super) fn collides(&self, other: &Self) -> bool {
        let udp = |listen: &Self| listen.transport == SipTransport::Udp;
        self.address == other.address && udp(self) == udp(other)
    }
}

impl fmt::Display for SipListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.as_str(), self.address)
    }
}

/// Where pages, API and WebSockets are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebListen {
    /// `https://`
    pub secure: bool,
    pub address: SocketAddr,
}

impl WebListen {
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl fmt::Display for WebListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.address)
    }
}

/// The address that session descriptions tell peers to send media to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaAddress {
    /// Per call, the address on which its signalling arrived.
    Auto,
    Fixed(IpAddr),
}

/// UDP ports for media, both ends included; the first is even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// What happens to a call for a room that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownRoom {
    /// It is answered and asked for the room's number.
    Reception,
    /// 404.
    Reject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// An address, or a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// An IPv4 address counts the same when it comes mapped into IPv6, as it does on a `[::]` socket.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr, prefix: u8| match address {
            IpAddr::V4(a) => (4, u128::from(a.to_bits()).checked_shr(u32::from(32 - prefix.min(32)))),
            IpAddr::V6(a) => (6, a.to_bits().checked_shr(u32::from(128 - prefix.min(128)))),
        };
        // a shift by the whole width keeps no bit: every address of the family matches
        bits(self.address, self.prefix) == bits(address.to_canonical(), self.prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

pub(super) fn domain(text: &str) -> Result<String, Refusal> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    if is_name || bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_ascii_lowercase());
    }
    refuse(format!("{text:?} is not a host name"), "write the part after @ alone, as \"example.org\"")
}

pub(super) fn realm(text: &str) -> Result<String, Refusal> {
    let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\');
    if text.is_empty() || text.len() > 128 || !plain {
        return refuse(
            format!("{text:?} cannot stand in a digest challenge"),
            "write 1 to 128 ASCII characters without quotation marks",
        );
    }
    Ok(text.to_owned())
}

pub(super) fn unknown_room(text: &str) -> Result<UnknownRoom, Refusal> {
    match text {
        "reception" => Ok(UnknownRoom::Reception),
        "reject" => Ok(UnknownRoom::Reject),
        _ => refuse(format!("{text:?} is no way to treat a call"), "write \"reception\" or \"reject\""),
    }
}

pub(super) fn network(text: &str) -> Result<Network, Refusal> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let read = || {
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(width), |p| p.parse().ok().filter(|p| *p <= width))?;
        Some(Network { address, prefix })
    };
    read().map_or_else(
        || refuse(format!("{text:?} is no address or network"), "write it as 192.0.2.7 or 192.0.2.0/24"),
        Ok,
    )
}

pub(super) fn sip_listen(text: &str) -> Result<SipListen, Refusal> {
    let remedy = "write it as \"udp://[::]:5060\", with udp, tcp or tls and an IP address";
    let Some((scheme, rest)) = text.split_once("://") else {
        return refuse(format!("{text:?} has no transport"), remedy);
    };
    let (transport, port) = match scheme {
        "udp" => (SipTransport::Udp, 5060),
        "tcp" => (SipTransport::Tcp, 5060),
        "tls" => (SipTransport::Tls, 5061),
        _ => return refuse(format!("{scheme:?} is not a SIP transport of ours"), remedy),
    };
    match socket_address(rest, port) {
        Some(address) => Ok(SipListen { transport, address }),
        None => refuse(format!("{rest:?} is not an IP address with a port"), remedy),
    }
}

pub(super) fn web_listen(text: &str) -> Result<WebListen, Refusal> {
    let remedy = "write it as \"https://[::]:8443\", with an IP address";
    let (secure, rest, port) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest, 443),
        Some(("http", rest)) => (false, rest, 80),
        _ => return refuse(format!("{text:?} begins with neither https:// nor http://"), remedy),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match socket_address(rest, port) {
        Some(address) => Ok(WebListen { secure, address }),
        None => refuse(format!("{rest:?} is not an IP address with a port"), remedy),
    }
}

fn socket_address(text: &str, default_port: u16) -> Option<SocketAddr> {
    let alone = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    text.parse().ok().or_else(|| Some(SocketAddr::new(alone()?, default_port)))
}

pub(super) fn origin(text: &str) -> Result<String, Refusal> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = rest.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'*' | b'@' | b'"'))
    });
    if fits {
        return Ok(text.to_ascii_lowercase());
    }
    refuse(
        format!("{text:?} is not a web origin"),
        "write scheme, host and port without a path, as \"https://meet.example.org\"",
    )
}

pub(super) fn token(text: &str) -> Result<String, Refusal> {
    if text.len() > 512 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        // the value itself is a secret: it is not repeated
        return refuse(
            "the token does not fit a header".to_owned(),
            "write up to 512 printable ASCII characters",
        );
    }
    Ok(text.to_owned())
}

pub(super) fn media_address(text: &str) -> Result<MediaAddress, Refusal> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        _ if text == "auto" => Ok(MediaAddress::Auto),
        Ok(address) if !address.is_unspecified() && !address.is_multicast() => {
            Ok(MediaAddress::Fixed(address))
        }
        _ => refuse(
            format!("{text:?} is no address that endpoints could send to"),
            "write \"auto\", or the IP address that endpoints reach this machine at",
        ),
    }
}

/// One call needs two pairs of ports for an endpoint; WebRTC takes the first.
const FEWEST_PORTS: u16 = 10;

pub(super) fn ports(text: &str) -> Result<PortRange, Refusal> {
    let remedy = "write first and last as \"20000-29999\"";
    let read = || {
        let (first, last) = text.split_once('-')?;
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    };
    let Some((first, last)) = read() else {
        return refuse(format!("{text:?} is no range of ports"), remedy);
    };
    if first < 1024 {
        return refuse(format!("{first} is a reserved port"), "begin at 1024 or above");
    }
    if first % 2 != 0 {
        return refuse(format!("{first} is odd, and RTP begins at an even port"), "begin at an even port");
    }
    if last < first || last - first < FEWEST_PORTS - 1 {
        return refuse(format!("{text:?} holds fewer than {FEWEST_PORTS} ports"), remedy);
    }
    Ok(PortRange { first, last })
}

/// None: the default place in the data directory.
pub(super) fn store_url(text: &str) -> Result<Option<PathBuf>, Refusal> {
    let remedy = "write \"sqlite\", or \"sqlite:/path/to/roomgate.db\"";
    if text == "sqlite" {
        return Ok(None);
    }
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        return refuse("PostgreSQL is not built in this version".to_owned(), remedy);
    }
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    match path {
        Some(path) if !path.is_empty() && !path.contains(['?', '\0']) && path != ":memory:" => {
            Ok(Some(PathBuf::from(path)))
        }
        // the text may hold a password: it is not repeated
        _ => refuse("this is no store of ours".to_owned(), remedy),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Refusal> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => refuse(format!("{text:?} is no log format"), "write \"text\" or \"json\""),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, Refusal> {
    let remedy =
        "write \"error\", \"warn\", \"info\", \"debug\" or \"trace\", or \"info,roomgate::signalling=debug\"";
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',').map(str::trim) {
        // a bare word is a target to the filter's parser, so that "inof" would silence everything without a word
        let bare = part.bytes().all(|b| b.is_ascii_alphabetic());
        if bare && !levels.contains(&part.to_ascii_lowercase().as_str()) {
            return refuse(format!("{part:?} is no log level"), remedy);
        }
    }
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => refuse(format!("{text:?} is no log filter: {error}"), remedy),
    }
}

fn refuse<T>(problem: String, remedy: &str) -> Result<T, Refusal> {
    Err((problem, remedy.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let inside = |text: &str, address: &str| network(text).unwrap().contains(address.parse().unwrap());
        assert!(inside("192.0.2.0/24", "192.0.2.255"));
        assert!(inside("192.0.2.0/24", "::ffff:192.0.2.1"));
        assert!(!inside("192.0.2.0/24", "192.0.3.0"));
        assert!(inside("192.0.2.7", "192.0.2.7"));
        assert!(!inside("192.0.2.7", "192.0.2.6"));
        assert!(inside("0.0.0.0/0", "203.0.113.9"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1"));
        assert!(inside("::/0", "2001:db8:1::1"));
        assert!(network("192.0.2.0/33").is_err());
    }

    #[test]
    fn listening_addresses_may_leave_the_port_out() {
        assert_eq!(sip_listen("tls://[::1]").unwrap().address, "[::1]:5061".parse().unwrap());
        assert_eq!(sip_listen("udp://0.0.0.0:5070").unwrap().address, "0.0.0.0:5070".parse().unwrap());
        assert_eq!(web_listen("http://127.0.0.1:8080/").unwrap().address, "127.0.0.1:8080".parse().unwrap());
        for wrong in ["udp://example.org:5060", "sctp://[::]:5060", "[::]:5060", "udp://[::]:70000", ""] {
            assert!(sip_listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_are_enough_and_begin_even() {
        assert_eq!(ports("20000-20009").unwrap(), PortRange { first: 20_000, last: 20_009 });
        for wrong in ["20001-20100", "20000-20008", "20000", "30000-20000", "20000-70000", "80-2000", ""] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
