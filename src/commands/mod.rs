//! The command line: what an administrator types, and what comes back.

mod check;
mod demo;
mod endpoint;
mod logging;
mod output;
mod room;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, ConfigErrors, EXIT_CONFIG, Sources},
    store::{Store, StoreError},
    wire::ServeError,
};

/// Brings SIP video endpoints into virtual meeting rooms beside browser users.
#[derive(Debug, Parser)]
#[command(name = "roomgate", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct Common {
    /// The configuration file [default: $ROOMGATE_CONFIG, or /etc/roomgate/roomgate.toml if there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory, above what the configuration says
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::ServeArgs),
    /// Read the configuration and say what is wrong with it
    CheckConfig(check::CheckArgs),
    /// Rooms in the store
    #[command(subcommand)]
    Room(room::RoomCommand),
    /// Endpoints' accounts in the store
    #[command(subcommand)]
    Endpoint(endpoint::EndpointCommand),
}

/// Why a command did not do what was asked, and so its exit code.
#[derive(Debug)]
enum Failure {
    Failed(String),
    Usage(String),
    Config(ConfigErrors),
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Config(errors) => Self::Config(errors),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Runs one command to its end.
pub fn run(cli: Cli) -> ExitCode {
    let sources = Sources::of_process(cli.common.config, cli.common.data);
    let done = Config::load(&sources).map_err(Failure::Config).and_then(|config| match cli.command {
        Command::Serve(args) => serve::run(config, &args),
        Command::CheckConfig(args) => check::run(&config, &args),
        Command::Room(command) => on_store(&config, async |store| room::run(store, command).await),
        Command::Endpoint(command) => on_store(&config, async |store| endpoint::run(store, command).await),
    });
    let (code, text) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => (1, text),
        Err(Failure::Usage(text)) => (2, text),
        Err(Failure::Config(errors)) => (EXIT_CONFIG, errors.to_string()),
    };
    for line in text.lines() {
        eprintln!("roomgate: {line}");
    }
    ExitCode::from(code)
}

/// Opens the store, says which one it is, and runs a command on it.
fn on_store(
    config: &Config,
    command: impl AsyncFnOnce(&Store) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no thread can be started: {error}")))?;
    runtime.block_on(async {
        let store = Store::open(&config.store).await?;
        eprintln!("store: {}", store.path().display());
        let done = command(&store).await;
        store.close().await;
        done
    })
}
