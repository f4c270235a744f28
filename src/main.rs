//! Arguments, configuration, run, drain.

use std::process::ExitCode;

use clap::Parser;
use roomgate::{
    commands::{self, Cli},
    wire::tls,
};

fn main() -> ExitCode {
    tls::install_provider();
    commands::run(Cli::parse())
}
