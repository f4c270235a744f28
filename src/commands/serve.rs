//! `roomgate serve`: everything that is ready before a port opens.

use std::{io::Write, sync::Arc};

use clap::Args;

use super::{Failure, demo, logging};
use crate::{
    config::Config,
    store::Store,
    wire::{self, ServeError, ServeOptions, tls::CertificateStore},
};

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Try it: data of its own, room 100100 with PINs, on this machine alone
    #[arg(long)]
    demo: bool,
    /// With --demo: for endpoints on the network, with fresh PINs
    #[arg(long, requires = "demo")]
    lan: bool,
}

pub(super) fn run(config: Config, args: &ServeArgs) -> Result<(), Failure> {
    let config = if args.demo { demo::configure(config, args.lan) } else { config };
    logging::start(&config.log);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = config.file.as_deref().map(|file| file.display().to_string()),
        data = %config.data_dir.display(),
        "Roomgate starts"
    );
    if roomgate_codec::h264::has_assembly() {
        tracing::info!("openh264 has its assembly");
    } else {
        tracing::warn!(
            "openh264 was built without nasm: video costs two to three times as much; install nasm and rebuild"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no threads can be started: {error}")))?;
    let served = runtime.block_on(start(config, args));
    served.map_err(Failure::from)
}

async fn start(config: Config, args: &ServeArgs) -> Result<(), ServeError> {
    let store = Store::open(&config.store).await?;
    let certificates = CertificateStore::open(&config)?;
    let demo_room = if args.demo { Some(demo::seed(&store, args.lan).await?) } else { None };
    let (secure_web, self_signed) = (config.web.listen.secure, certificates.is_self_signed());
    let options = ServeOptions {
        config: Arc::new(config),
        store: store.clone(),
        certificates,
        on_ready: Box::new(move |listening| {
            if let Some(room) = demo_room {
                let banner = demo::banner(listening, secure_web, &room, self_signed);
                // nobody may be reading: that is no reason to stop
                let _ = std::io::stdout().write_all(banner.as_bytes());
            }
            for (transport, address) in &listening.sip {
                tracing::info!(%address, "SIP listens on {}", transport.as_str());
            }
            tracing::info!(address = %listening.web, "pages are served by {}", if secure_web { "https" } else { "http" });
        }),
    };
    let served = wire::serve(options).await;
    store.close().await;
    served
}
