//! `roomgate check-config`.

use clap::Args;
use serde::Serialize;

use super::{
    Failure,
    output::{Format, table},
};
use crate::{
    config::{Config, LogFormat, MediaAddress, UnknownRoom},
    wire::tls::CertificateStore,
};

#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    format: Format,
}

/// The configuration as it counts, without secrets.
#[derive(Serialize)]
struct Effective {
    file: Option<String>,
    #[serde(rename = "data-dir")]
    data_dir: String,
    sip: Sip,
    web: Web,
    media: Media,
    tls: Tls,
    store: Store,
    log: Log,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Sip {
    domains: Vec<String>,
    realm: String,
    anonymous_calls: bool,
    unknown_room: &'static str,
    trusted_proxies: Vec<String>,
    listen: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Web {
    listen: String,
    origins: Vec<String>,
    trusted_proxies: Vec<String>,
    /// Whether one is set.
    metrics_token: bool,
}

#[derive(Serialize)]
struct Media {
    address: String,
    ports: String,
}

#[derive(Serialize)]
struct Tls {
    certificate: Option<String>,
    key: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Store {
    url: String,
    key_file: String,
}

#[derive(Serialize)]
struct Log {
    format: &'static str,
    filter: String,
}

/// The values have been checked by reading them; the files that they name are looked at here. No port is opened and
/// nothing is made: a gateway may be running.
pub(super) fn run(config: &Config, args: &CheckArgs) -> Result<(), Failure> {
    if config.tls.files.is_some() {
        CertificateStore::open(config).map_err(|error| Failure::Config(error.into()))?;
    }
    let effective = Effective::of(config);
    args.format.print(&effective, |effective| {
        let file = effective.file.as_deref().unwrap_or("none, defaults");
        let rows = [
            ["configuration:", file],
            ["data-dir:", &effective.data_dir],
            ["sip.listen:", &effective.sip.listen.join(" ")],
            ["web.listen:", &effective.web.listen],
            ["media.ports:", &effective.media.ports],
            ["store.url:", &effective.store.url],
        ]
        .map(|row| row.map(str::to_owned).to_vec());
        format!("The configuration is right.\n{}", table(&rows))
    })
}

impl Effective {
    fn of(config: &Config) -> Self {
        fn texts<T: ToString>(list: &[T]) -> Vec<String> {
            list.iter().map(ToString::to_string).collect()
        }
        let path = |path: &std::path::Path| path.display().to_string();
        let files = config.tls.files.as_ref();
        Self {
            file: config.file.as_deref().map(path),
            data_dir: path(&config.data_dir),
            sip: Sip {
                domains: config.sip.domains.clone(),
                realm: config.sip.realm.clone(),
                anonymous_calls: config.sip.anonymous_calls,
                unknown_room: match config.sip.unknown_room {
                    UnknownRoom::Reception => "reception",
                    UnknownRoom::Reject => "reject",
                },
                trusted_proxies: texts(&config.sip.trusted_proxies),
                listen: texts(&config.sip.listen),
            },
            web: Web {
                listen: config.web.listen.to_string(),
                origins: config.web.origins.clone(),
                trusted_proxies: texts(&config.web.trusted_proxies),
                metrics_token: config.web.metrics_token.expose().is_some(),
            },
            media: Media {
                address: match config.media.address {
                    MediaAddress::Auto => "auto".to_owned(),
                    MediaAddress::Fixed(address) => address.to_string(),
                },
                ports: config.media.ports.to_string(),
            },
            tls: Tls {
                certificate: files.map(|files| path(&files.certificate)),
                key: files.map(|files| path(&files.key)),
            },
            store: Store {
                url: format!("sqlite:{}", config.store.path.display()),
                key_file: path(&config.store.key_file),
            },
            log: Log {
                format: match config.log.format {
                    LogFormat::Text => "text",
                    LogFormat::Json => "json",
                },
                filter: config.log.filter.clone(),
            },
        }
    }
}
