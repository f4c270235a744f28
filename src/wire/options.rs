//! What a running gateway is given, and how it says that it is ready or why it is not.

use std::{net::SocketAddr, sync::Arc};

use super::tls::CertificateStore;
use crate::{
    config::{Config, ConfigError, ConfigErrors, SipTransport},
    store::{Store, StoreError},
};

/// Everything that `serve` starts from: checked, opened, ready.
pub struct ServeOptions {
    pub config: Arc<Config>,
    pub store: Store,
    pub certificates: Arc<CertificateStore>,
    /// Called once every port is open.
    pub on_ready: Box<dyn FnOnce(&Listening) + Send>,
}

/// The ports that are open, as they were bound.
#[derive(Clone, Debug)]
pub struct Listening {
    pub sip: Vec<(SipTransport, SocketAddr)>,
    pub web: SocketAddr,
}

/// Why serving did not begin, or ended otherwise than by a signal.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration turned out wrong when it was used: a port in use. Made by [`Config::refuse_listen`].
    #[error(transparent)]
    Config(ConfigErrors),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Failed(String),
}

impl From<ConfigError> for ServeError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}
