//! The configuration file and its environment, checked whole before a port is bound.
//!
//! A wrong value is refused with the file, the line, the key and what to write instead; the process then ends with
//! [`EXIT_CONFIG`]. Every key has a default: no file is needed.

mod error;
mod read;
mod value;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

pub use error::{ConfigError, ConfigErrors, Origin};
use read::Settings;
pub use value::{
    LogFormat, MediaAddress, Network, PortRange, SipListen, SipTransport, UnknownRoom, WebListen,
};

/// The exit code of a process whose configuration is wrong (`EX_USAGE` of sysexits, as linkerd and others use it).
pub const EXIT_CONFIG: u8 = 64;

/// Read when neither `--config` nor `ROOMGATE_CONFIG` names a file, if it is there.
pub const DEFAULT_FILE: &str = "/etc/roomgate/roomgate.toml";

/// Everything an administrator can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file read, if there was one.
    pub file: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub sip: SipConfig,
    pub web: WebConfig,
    pub media: MediaConfig,
    pub tls: TlsConfig,
    pub store: StoreConfig,
    pub log: LogConfig,
    origins: BTreeMap<String, Origin>,
}

#[derive(Clone, Debug)]
pub struct SipConfig {
    /// Host parts that are ours, in lower case. Empty: any host part that is an address of this machine.
    pub domains: Vec<String>,
    pub realm: String,
    /// Whether callers without an account may call rooms.
    pub anonymous_calls: bool,
    pub unknown_room: UnknownRoom,
    /// Peers whose asserted identities count.
    pub trusted_proxies: Vec<Network>,
    pub listen: Vec<SipListen>,
}

#[derive(Clone, Debug)]
pub struct WebConfig {
    pub listen: WebListen,
    /// Origins that may open a WebSocket besides the page's own.
    pub origins: Vec<String>,
    /// Reverse proxies whose `Forwarded` headers count.
    pub trusted_proxies: Vec<Network>,
    pub metrics_token: MetricsToken,
}

#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub address: MediaAddress,
    pub ports: PortRange,
}

#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The certificate chain and its key as PEM files. None: self-signed, kept in the data directory.
    pub files: Option<TlsFiles>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The SQLite database file.
    pub path: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Clone, Debug)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// What a scraper that is not on this machine presents to read `/metrics`. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MetricsToken(Option<String>);

impl MetricsToken {
    /// The token, if one is set; without one only loopback may read.
    pub fn expose(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "MetricsToken(set)" } else { "MetricsToken(none)" })
    }
}

/// Where the configuration comes from: command line, environment, file, in this order of precedence.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// The process environment; only `ROOMGATE_…`, `XDG_DATA_HOME` and `HOME` are looked at.
    pub environment: Vec<(String, String)>,
}

impl Sources {
    pub fn of_process(file: Option<PathBuf>, data: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, data, environment }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(n, v)| n == name && !v.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

impl Config {
    /// Reads and checks everything; all that is wrong is told at once.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let file = match (&sources.file, sources.variable("ROOMGATE_CONFIG")) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(file)) => Some(PathBuf::from(file)),
            (None, None) => Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()),
        };
        let mut settings = Settings::default();
        if let Some(file) = &file {
            settings.read_file(file);
        }
        settings.read_environment(&sources.environment);
        if let Some(data) = &sources.data {
            settings.set_path("data-dir", data, Origin::Flag("--data"));
        }
        Self::check(file, sources, settings)
    }

    fn check(file: Option<PathBuf>, sources: &Sources, mut s: Settings) -> Result<Self, ConfigErrors> {
        let data_dir = s.path("data-dir").unwrap_or_else(|| default_data_dir(sources));
        let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
        let domains = s.list("sip.domains", value::domain);
        let sip = SipConfig {
            domains: domains.unwrap_or_default(),
            realm: s.one("sip.realm", value::realm).unwrap_or_else(|| "roomgate".to_owned()),
            anonymous_calls: s.flag("sip.anonymous-calls").unwrap_or(true),
            unknown_room: s.one("sip.unknown-room", value::unknown_room).unwrap_or(UnknownRoom::Reception),
            trusted_proxies: s.list("sip.trusted-proxies", value::network).unwrap_or_default(),
            listen: s.list("sip.listen", value::sip_listen).unwrap_or_else(SipListen::defaults),
        };
        let everywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let default_web = WebListen { secure: true, address: SocketAddr::new(everywhere, 8443) };
        let token = s.one("web.metrics-token", value::token).filter(|token| !token.is_empty());
        let web = WebConfig {
            listen: s.one("web.listen", value::web_listen).unwrap_or(default_web),
            origins: s.list("web.origins", value::origin).unwrap_or_default(),
            trusted_proxies: s.list("web.trusted-proxies", value::network).unwrap_or_default(),
            metrics_token: MetricsToken(token),
        };
        if !web.listen.secure && !web.listen.address.ip().is_loopback() && web.trusted_proxies.is_empty() {
            s.refuse(
                "web.listen",
                format!("http:// on {} would carry PINs in the clear", web.listen.address),
                "write https://, or http:// with a loopback address, or name your reverse proxy in web.trusted-proxies",
            );
        }
        let media = MediaConfig {
            address: s.one("media.address", value::media_address).unwrap_or(MediaAddress::Auto),
            ports: s.one("media.ports", value::ports).unwrap_or(PortRange { first: 20_000, last: 29_999 }),
        };
        let tls = match (s.path("tls.certificate"), s.path("tls.key")) {
            (Some(certificate), Some(key)) => TlsConfig { files: Some(TlsFiles { certificate, key }) },
            (None, None) => TlsConfig { files: None },
            (Some(_), None) => {
                s.refuse(
                    "tls.certificate",
                    "it has no key",
                    "set tls.key to the certificate's private key (PEM)",
                );
                TlsConfig { files: None }
            }
            (None, Some(_)) => {
                s.refuse(
                    "tls.key",
                    "it has no certificate",
                    "set tls.certificate to the certificate chain (PEM)",
                );
                TlsConfig { files: None }
            }
        };
        let url = s.one("store.url", value::store_url).flatten();
        let store = StoreConfig {
            path: url.map_or_else(|| data_dir.join("roomgate.db"), |path| s.beside_file("store.url", &path)),
            key_file: s.path("store.key-file").unwrap_or_else(|| data_dir.join("secret.key")),
        };
        let log = LogConfig {
            format: s.one("log.format", value::log_format).unwrap_or(LogFormat::Text),
            filter: s.one("log.filter", value::log_filter).unwrap_or_else(|| "info".to_owned()),
        };
        for (index, listen) in sip.listen.iter().enumerate() {
            // port 0 asks for any free port, so two of them do not collide
            if listen.address.port() != 0
                && sip.listen.iter().take(index).any(|earlier| earlier.collides(listen))
            {
                let key = format!("sip.listen.{index}");
                s.refuse(
                    &key,
                    format!("{listen} stands twice"),
                    "give each transport its own address or port",
                );
            }
        }
        let origins = s.finish()?;
        Ok(Self { file, data_dir, sip, web, media, tls, store, log, origins })
    }

    /// Where a key's value came from. A list's entries are `key.0`, `key.1` and so on.
    pub fn origin(&self, key: &str) -> Origin {
        let of_list = || self.origins.get(key.rsplit_once('.')?.0);
        self.origins.get(key).or_else(of_list).cloned().unwrap_or(Origin::Default)
    }

    /// Refuses a value that turned out wrong only when it was used, as a port that another program holds.
    pub fn refuse(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) -> ConfigError {
        ConfigError::new(self.origin(key), key, problem, remedy)
    }

    /// Refuses a listening address that could not be bound. `key` is `web.listen`, or `sip.listen.N` for the Nth.
    pub fn refuse_listen(&self, key: &str, address: SocketAddr, error: &std::io::Error) -> ConfigError {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};

        let port = address.port();
        let (problem, remedy) = match error.kind() {
            AddrInUse => (
                format!("port {port} of {address} is in use by another program"),
                format!(
                    "end that program (`ss -lnptu 'sport = :{port}'` names it) or write another port here"
                ),
            ),
            AddrNotAvailable => (
                format!("{} is not an address of this machine", address.ip()),
                "write one of this machine's addresses, or [::] for all of them".to_owned(),
            ),
            PermissionDenied => (
                format!("port {port} may not be opened by this user"),
                "use a port above 1023, or give the program CAP_NET_BIND_SERVICE".to_owned(),
            ),
            _ => (
                format!("{address} cannot be opened: {error}"),
                "write another address or port here".to_owned(),
            ),
        };
        self.refuse(key, problem, remedy)
    }
}

fn default_data_dir(sources: &Sources) -> PathBuf {
    match (sources.variable("XDG_DATA_HOME"), sources.variable("HOME")) {
        (Some(folder), _) if Path::new(folder).is_absolute() => Path::new(folder).join("roomgate"),
        (_, Some(home)) => Path::new(home).join(".local/share/roomgate"),
        _ => PathBuf::from("/var/lib/roomgate"),
    }
}
