//! `roomgate endpoint`.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Failure,
    output::{Format, table, utc},
};
use crate::store::{Secret, Store, secret::random_password};

#[derive(Debug, Subcommand)]
pub(super) enum EndpointCommand {
    /// Add an account; a password that is not given is made, and printed this once
    Add(AddArgs),
    /// List all accounts, and where those that are registered are reached
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Remove an account with its registrations
    Remove { name: String },
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// User name, and what callers dial
    name: String,
    /// Read the password from standard input: its first line
    #[arg(long, conflicts_with = "generate_password")]
    password_stdin: bool,
    /// Make the password, and print it (so it is without either flag)
    #[arg(long)]
    generate_password: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Serialize)]
struct Added {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    /// Unix ms.
    created: i64,
    bindings: Vec<Bound>,
}

#[derive(Serialize)]
struct Bound {
    contact: String,
    transport: String,
    source: String,
    /// Unix ms.
    expires: i64,
    user_agent: Option<String>,
}

pub(super) async fn run(store: &Store, command: EndpointCommand) -> Result<(), Failure> {
    match command {
        EndpointCommand::Add(args) => add(store, args).await,
        EndpointCommand::List { format } => list(store, format).await,
        EndpointCommand::Remove { name } => {
            store.remove_endpoint(&name).await?;
            eprintln!("endpoint {name} is removed");
            Ok(())
        }
    }
}

async fn add(store: &Store, args: AddArgs) -> Result<(), Failure> {
    let password = if args.password_stdin { read_password()? } else { random_password() };
    let endpoint = store.add_endpoint(&args.name, &password).await?;
    let password = (!args.password_stdin).then(|| password.expose().to_owned());
    args.format.print(&Added { name: endpoint.name, password }, |added| {
        let mut rows = vec![vec!["user name:".to_owned(), added.name.clone()]];
        rows.extend(added.password.iter().map(|password| vec!["password:".to_owned(), password.clone()]));
        table(&rows)
    })
}

fn read_password() -> Result<Secret, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("password (it will be seen as you type): ");
    }
    let mut line = String::new();
    input
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("no password can be read from standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::Usage(
            "standard input holds no password; write it there as one line".to_owned(),
        ));
    }
    Ok(Secret::new(password))
}

async fn list(store: &Store, format: Format) -> Result<(), Failure> {
    let directory = store.load().await?;
    let bindings = store.load_bindings().await?;
    let endpoints: Vec<Listed> = directory
        .endpoints()
        .iter()
        .map(|endpoint| Listed {
            name: endpoint.name.clone(),
            created: endpoint.created,
            bindings: bindings
                .iter()
                .filter(|binding| binding.account == endpoint.name)
                .map(|binding| Bound {
                    contact: binding.contact.clone(),
                    transport: binding.transport.clone(),
                    source: binding.remote.clone(),
                    expires: binding.expires,
                    user_agent: binding.user_agent.clone(),
                })
                .collect(),
        })
        .collect();
    format.print(&endpoints, |endpoints| {
        let mut rows = vec![["NAME", "CREATED", "REGISTERED FROM"].map(str::to_owned).to_vec()];
        for endpoint in endpoints {
            let from = endpoint.bindings.iter().map(|b| format!("{} ({})", b.source, b.transport));
            let from = from.collect::<Vec<_>>().join(", ");
            let from = if from.is_empty() { "not registered".to_owned() } else { from };
            rows.push(vec![endpoint.name.clone(), utc(endpoint.created), from]);
        }
        table(&rows)
    })
}
