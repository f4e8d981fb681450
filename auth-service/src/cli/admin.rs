//! `auth-service admin`: administrators and accounts, managed on the database
//! directly, whether or not a server runs on it.

use anyhow::Context;
use clap::Subcommand;
use secrecy::ExposeSecret;

use super::print;
use crate::{
    app::create_admin::{AdminCreated, CreateAdmin},
    config::Config,
    startup,
};

/// What can be done to administrators and accounts.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
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

impl AdminCommand {
    /// Does it, and prints what came of it.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Create { email, if_none } => {
                print(&described(&create(config, email, if_none).await?))
            }
        }
    }
}

/// Makes an administrator in the configured database.
pub async fn create(
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

fn described(created: &AdminCreated) -> String {
    match created {
        AdminCreated::NotNeeded => String::new(),
        AdminCreated::Granted { email } => format!("email: {email}\n"),
        AdminCreated::Made {
            email,
            random_password: None,
        } => format!("email: {email}\n"),
        AdminCreated::Made {
            email,
            random_password: Some(password),
        } => format!("email: {email}\npassword: {password}\n"),
    }
}
