//! What an endpoint is told at its start.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use crate::auth::Algorithm;

/// Which digest algorithms a sender with this User-Agent is challenged with, in which order.
pub type Algorithms = Arc<dyn Fn(Option<&str>) -> Vec<Algorithm> + Send + Sync>;

/// Configuration of an [`Endpoint`](super::Endpoint).
#[derive(Clone)]
pub struct EndpointConfig {
    /// Domains that we answer for, beside our addresses. Others get 404.
    pub domains: Vec<String>,
    /// Addresses of ours beside the local address of the path a request came along.
    pub addresses: Vec<IpAddr>,
    /// The realm of our digest challenges.
    pub realm: String,
    /// Fresh entropy: tags, branches and nonces come from it.
    pub seed: [u8; 32],
    /// What `Server` and `User-Agent` say.
    pub user_agent: String,
    /// The host that far sides reach us at, when it is not the local address: a public address or a name.
    pub public_host: Option<String>,
    /// Whether INVITEs are taken from callers without an account. If not, they are challenged.
    pub anonymous_calls: bool,
    /// The digest algorithms of our challenges. Old stacks read the first challenge only, or fail at one that they do
    /// not know.
    pub algorithms: Algorithms,
    /// What one source and all together may hold.
    pub limits: Limits,
}

impl EndpointConfig {
    /// Defaults for everything but the seed: any address of ours, anonymous calls taken.
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            domains: Vec::new(),
            addresses: Vec::new(),
            realm: "roomgate".to_owned(),
            seed,
            user_agent: concat!("Roomgate/", env!("CARGO_PKG_VERSION")).to_owned(),
            public_host: None,
            anonymous_calls: true,
            algorithms: Arc::new(|_| vec![Algorithm::Sha256, Algorithm::Md5]),
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("domains", &self.domains)
            .field("realm", &self.realm)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bounds, so that no input can make memory grow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// INVITEs of one source address without a final response; one more gets 486.
    pub unanswered_per_source: usize,
    /// INVITEs of all sources without a final response; one more gets 503.
    pub unanswered: usize,
    /// Calls, answered or not, in either direction; one more gets 503.
    pub calls: usize,
    /// Server transactions of one source address; requests beyond are dropped.
    pub transactions_per_source: usize,
    /// Server transactions of all; requests beyond are dropped.
    pub transactions: usize,
    /// How long an INVITE may wait for its answer before it gets 480.
    pub ringing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unanswered_per_source: 4,
            unanswered: 50,
            calls: 2000,
            transactions_per_source: 512,
            transactions: 4096,
            ringing: Duration::from_secs(180),
        }
    }
}
