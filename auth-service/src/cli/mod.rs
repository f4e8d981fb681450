//! The command line: a file a group of commands.

use anyhow::Context;
use clap::{Parser, Subcommand};
use service_kit::{environment::describe, healthcheck, telemetry};

use crate::{
    config::{Config, VARIABLES},
    startup,
};

pub mod admin;
pub mod import;
pub mod keys;

use admin::AdminCommand;
use import::ImportCommand;
use keys::KeysCommand;

/// Accounts and access tokens for Lectern.
#[derive(Debug, Parser)]
#[command(name = "auth-service", version, after_help = describe(&VARIABLES))]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves HTTP and gRPC until it is told to stop; so does no command at all.
    Serve,
    /// Asks the service that runs here whether it can serve, as a container's health check.
    Healthcheck,
    /// Brings the database's schema up to date, and ends.
    Migrate,
    /// Manages administrators and accounts.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Manages the keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Takes accounts over from another system; may be run again.
    Import(ImportCommand),
}

impl Cli {
    /// Does what the command line asks.
    pub async fn run(self) -> anyhow::Result<()> {
        let config = Config::from_process()?;
        telemetry::start(&config.server.log_level, config.server.log_format);
        match self.command {
            None | Some(Command::Serve) => startup::serve(&config).await,
            Some(Command::Healthcheck) => Ok(healthcheck::ask(config.server.http_addr)?),
            Some(Command::Migrate) => startup::migrate(&config).await,
            Some(Command::Admin(command)) => command.run(&config).await,
            Some(Command::Keys(command)) => command.run(&config).await,
            Some(Command::Import(command)) => command.run(&config).await,
        }
    }
}

/// Writes what a command tells its caller to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.context("standard output can't be written")
}
