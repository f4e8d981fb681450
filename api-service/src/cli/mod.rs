//! The command line.

mod evaluate;
mod index;
mod ingest;

use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use service_kit::{environment::describe, exit, healthcheck, serve::stop_on_signal, telemetry};

use crate::{
    config::{Config, VARIABLES},
    outbound::sandbox::worker,
    startup,
};

/// Lectern's api-service: takes documents in, finds passages, answers with citations.
#[derive(Debug, Parser)]
#[command(name = "api-service", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default).
    Serve,
    /// Ask the service that runs here whether it can serve, as a container's health check.
    Healthcheck,
    /// Bring the database's schema up to date.
    Migrate,
    /// Bring a public knowledge base to what a directory holds: changed files in, removed files out.
    Ingest(ingest::IngestArguments),
    /// Look after the vector index.
    Index {
        #[command(subcommand)]
        command: index::IndexCommand,
    },
    /// Measure retrieval and answers on a labelled set.
    Eval(evaluate::EvaluateArguments),
    /// Read documents for the process that started this one.
    #[command(hide = true)]
    ParseWorker,
}

/// Runs the command that the process was called with. A failure is one line.
pub fn run() -> ExitCode {
    let matches = Arguments::command()
        .after_help(describe(&VARIABLES))
        .get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match start(arguments.command.unwrap_or(Command::Serve)) {
        Ok(code) => code,
        Err(error) => exit::fail("api-service", error.as_ref()),
    }
}

/// A child that reads documents needs no runtime, and is to begin fast.
fn start(command: Command) -> Result<ExitCode> {
    if matches!(command, Command::ParseWorker) {
        worker::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(dispatch(command))
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    let config = Config::from_process()?;
    let stop = stop_on_signal()?;
    // A command's own lines are its output: logs come only when they matter.
    let quiet = !matches!(command, Command::Serve);
    let level = if quiet && config.log_level == "info" {
        "warn"
    } else {
        &config.log_level
    };
    telemetry::start(level, config.log_format);
    match command {
        Command::Serve => {
            startup::run(config, stop).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck => {
            healthcheck::ask(config.http_addr)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate => {
            startup::migrated_database(&config).await?;
            say("The database's schema is up to date.")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Ingest(arguments) => ingest::run(&config, &arguments, stop).await,
        Command::ParseWorker => bail!("a reader of documents needs no runtime"),
        Command::Index { command } => index::run(&config, &command).await,
        Command::Eval(arguments) => evaluate::run(config, &arguments, stop).await,
    }
}

/// Writes a line of a command's output.
fn say(line: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{line}")?)
}
