//! The certificate for SIP over TLS and for pages: from files, or self-signed at first start. Replaced without a
//! restart when its files change.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::interfaces;
use crate::{
    config::{Config, ConfigError, TlsFiles},
    store::make_private_folder,
};

/// Makes aws-lc-rs the one cryptographic provider of the process. To be called once, first of all.
pub fn install_provider() {
    // an error says that one is installed already, which can only be ours
    let _ = aws_lc_rs::default_provider().install_default();
}

/// Holds the certificate of now; every handshake asks it.
pub struct CertificateStore {
    config: Config,
    files: Files,
    current: ArcSwap<Current>,
}

#[derive(Clone)]
enum Files {
    Given(TlsFiles),
    /// Certificate and key in one file of ours.
    SelfSigned(PathBuf),
}

struct Current {
    key: Arc<CertifiedKey>,
    /// When the files were written and how long they are: a change means that they are to be read again.
    stamps: Vec<Option<(SystemTime, u64)>>,
}

impl CertificateStore {
    /// Reads the configured files, or makes a self-signed certificate unless one is there that still fits.
    pub fn open(config: &Config) -> Result<Arc<Self>, ConfigError> {
        let files = match &config.tls.files {
            Some(files) => Files::Given(files.clone()),
            None => Files::SelfSigned(config.data_dir.join(SELF_SIGNED)),
        };
        if let Files::SelfSigned(file) = &files {
            keep_self_signed(config, file)?;
        }
        let stamps = files.stamps();
        let key = files.read(config)?;
        let current = ArcSwap::from_pointee(Current { key, stamps });
        Ok(Arc::new(Self { config: config.clone(), files, current }))
    }

    /// Reads the files again if they have changed, and renews a self-signed certificate that ends soon. To be called
    /// every few seconds or minutes. True: new handshakes get another certificate. On an error the old one stays.
    pub fn refresh(&self) -> Result<bool, ConfigError> {
        if let Files::SelfSigned(file) = &self.files {
            keep_self_signed(&self.config, file)?;
        }
        let stamps = self.files.stamps();
        let current = self.current.load();
        if stamps == current.stamps {
            return Ok(false);
        }
        match self.files.read(&self.config) {
            Ok(key) => {
                self.current.store(Arc::new(Current { key, stamps }));
                Ok(true)
            }
            Err(error) => {
                // told once: the next look is after the next change
                self.current.store(Arc::new(Current { key: Arc::clone(&current.key), stamps }));
                Err(error)
            }
        }
    }

    /// TLS 1.2 and 1.3 for one kind of listener. `alpn`: the protocols spoken there, best first; none for SIP.
    pub fn server_config(self: &Arc<Self>, alpn: &[&str]) -> Arc<ServerConfig> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Whether the certificate is our own: browsers and endpoints will say so.
    pub fn is_self_signed(&self) -> bool {
        matches!(self.files, Files::SelfSigned(_))
    }

    /// The certificate chain of now, our own certificate first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.current.load().key.cert.clone()
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().key))
    }
}

impl std::fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateStore")
    }
}

impl Files {
    fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Given(TlsFiles { certificate, key }) => vec![certificate, key],
            Self::SelfSigned(file) => vec![file],
        }
    }

    fn stamps(&self) -> Vec<Option<(SystemTime, u64)>> {
        let stamp = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        self.paths().into_iter().map(stamp).collect()
    }

    fn read(&self, config: &Config) -> Result<Arc<CertifiedKey>, ConfigError> {
        let (certificate, key) = match self {
            Self::Given(TlsFiles { certificate, key }) => (certificate, key),
            Self::SelfSigned(file) => (file, file),
        };
        let (certificate_key, key_key) = match self {
            Self::Given(_) => ("tls.certificate", "tls.key"),
            Self::SelfSigned(_) => ("data-dir", "data-dir"),
        };
        let refuse = |key: &str, file: &Path, problem: String| {
            config.refuse(key, format!("{}: {problem}", file.display()), REMEDY)
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(certificate_key, certificate, pem_problem(&error)))?;
        if chain.is_empty() {
            return Err(refuse(certificate_key, certificate, "it holds no certificate".to_owned()));
        }
        let der =
            PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key_key, key, pem_problem(&error)))?;
        let certified = CertifiedKey::from_der(chain, der, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                refuse(key_key, key, format!("it is not the key of {}", certificate.display()))
            }
            error => refuse(key_key, key, error.to_string()),
        })?;
        Ok(Arc::new(certified))
    }
}

const SELF_SIGNED: &str = "self-signed.pem";
const REMEDY: &str = "name PEM files with the certificate chain and its unencrypted key, or leave both keys out for \
                      a self-signed certificate";
/// Some clients refuse a certificate that is valid for more than 825 days, a private one too.
const VALID: Duration = Duration::from_secs(820 * 24 * 3600);
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Clocks of endpoints are off.
const VALID_SINCE: Duration = Duration::from_secs(24 * 3600);

fn provider() -> Arc<CryptoProvider> {
    // a process that installed none (a test) gets the same one
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

fn pem_problem(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        rustls::pki_types::pem::Error::NoItemsFound => "it holds no such thing in PEM form".to_owned(),
        error => format!("it is not PEM: {error}"),
    }
}

/// Leaves a self-signed certificate alone that names every configured domain and lasts. Its own addresses may change
/// from day to day; that alone does not make browsers ask again.
fn keep_self_signed(config: &Config, file: &Path) -> Result<(), ConfigError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fits = fs::read_to_string(file).is_ok_and(|text| {
        let note = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let names: Vec<&str> = note(NAMES).unwrap_or_default().split_whitespace().collect();
        let ends = note(ENDS).and_then(|ends| ends.trim().parse::<u64>().ok()).unwrap_or_default();
        now + RENEW_BEFORE < Duration::from_secs(ends)
            && config.sip.domains.iter().all(|domain| names.contains(&domain.as_str()))
    });
    if fits {
        return Ok(());
    }
    let fail = |problem: String| {
        let problem = format!("no self-signed certificate can be made in {}: {problem}", file.display());
        config.refuse("data-dir", problem, "name a folder that this user may write to")
    };
    let names = own_names(config);
    let ends = now + VALID;
    let (certificate, key) =
        make(&names, now - VALID_SINCE, ends).map_err(|error| fail(error.to_string()))?;
    let text = format!("{NAMES}{}\n{ENDS}{}\n{certificate}{key}", names.join(" "), ends.as_secs());
    write_private(file, &text).map_err(|error| fail(error.to_string()))
}

/// Lines before the PEM blocks, which readers of PEM pass over.
const NAMES: &str = "# names: ";
const ENDS: &str = "# ends (Unix seconds): ";

fn make(names: &[String], since: Duration, ends: Duration) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Roomgate, self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = date_time_ymd(1970, 1, 1) + since;
    params.not_after = date_time_ymd(1970, 1, 1) + ends;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Domains, host name, `localhost` and every address: what a caller may have dialled.
fn own_names(config: &Config) -> Vec<String> {
    let mut names = config.sip.domains.clone();
    let host =
        fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_ascii_lowercase();
    let fits =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    names.extend(Some(host).filter(|_| fits));
    names.push("localhost".to_owned());
    names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    names.extend(interfaces::local_addresses().iter().map(ToString::to_string));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Written beside and moved into place: a reader never sees half a file.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        make_private_folder(folder)?;
    }
    let part = file.with_extension("part");
    let _ = fs::remove_file(&part);
    let mut opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(&part, file)
}
