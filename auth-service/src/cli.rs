//! The command line.

use std::io::{self, Write};

use anyhow::Context;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use service_kit::{environment::describe, serve::BindError, telemetry};

use crate::{
    app::create_admin::{AdminCreated, CreateAdmin},
    config::{Config, VARIABLES},
    startup,
};

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
    /// Brings the database's schema up to date, and ends.
    Migrate,
    /// Manages administrators.
    #[command(subcommand)]
    Admin(AdminCommand),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Makes an administrator, or makes one of an account that is there.
    Create {
        /// The address to sign in with [default: `ADMIN_EMAIL`].
        #[arg(long)]
        email: Option<String>,
        /// Does nothing where there is an administrator.
        #[arg(long)]
        if_none: bool,
    },
}

impl Cli {
    /// Does what the command line asks.
    pub async fn run(self) -> anyhow::Result<()> {
        let config = Config::from_process()?;
        telemetry::start(&config.server.log_level, config.server.log_format);
        match self.command {
            None | Some(Command::Serve) => startup::serve(&config).await,
            Some(Command::Migrate) => startup::migrate(&config).await,
            Some(Command::Admin(AdminCommand::Create { email, if_none })) => {
                let created = create_admin(&config, email, if_none).await?;
                print(&mut io::stdout().lock(), &created)
                    .context("standard output can't be written")
            }
        }
    }
}

/// Makes an administrator in the configured database, whether or not a server
/// runs on it.
pub async fn create_admin(
    config: &Config,
    email: Option<String>,
    if_none: bool,
) -> anyhow::Result<AdminCreated> {
    let service = startup::assemble_here(config).await?;
    let request = CreateAdmin {
        email: email.unwrap_or_else(|| config.accounts.admin_email.clone()),
        password: config
            .accounts
            .admin_password
            .as_ref()
            .map(|password| password.expose_secret().to_owned()),
        if_none,
    };
    let created = service.app.create_admin(request).await;
    created.context("the administrator can't be made; see ADMIN_EMAIL and ADMIN_PASSWORD")
}

fn print(out: &mut dyn Write, created: &AdminCreated) -> io::Result<()> {
    match created {
        AdminCreated::NotNeeded => {}
        AdminCreated::Granted { email } => writeln!(out, "email: {email}")?,
        AdminCreated::Made {
            email,
            random_password,
        } => {
            writeln!(out, "email: {email}")?;
            if let Some(password) = random_password {
                writeln!(out, "password: {password}")?;
            }
        }
    }
    out.flush()
}

/// An error on one line, with what caused it.
pub fn one_line(error: &anyhow::Error) -> String {
    // It says in words already what the system's error says.
    if let Some(bind) = error.downcast_ref::<BindError>() {
        return bind.to_string();
    }
    format!("{error:#}").replace('\n', " ")
}
