//! `auth-service admin`: administrators and accounts, managed on the database
//! directly, whether or not a server runs on it.

use std::io::{self, BufRead, Read};

use anyhow::Context;
use clap::Subcommand;
use proto::claims::Role;
use secrecy::ExposeSecret;

use super::print;
use crate::{
    app::{
        App,
        create_admin::{AdminCreated, CreateAdmin},
        error::Error,
        manage_accounts::Administrator,
    },
    config::Config,
    domain::{account_change::AccountChange, user::User},
    startup,
};

/// The most bytes that a line with a password has.
const MAX_LINE_BYTES: u64 = 4096;

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
    /// Makes an administrator of an account.
    Grant {
        /// The account's e-mail address or user name.
        account: String,
    },
    /// Disables an account: its sessions and its access tokens end.
    Disable {
        /// The account's e-mail address or user name.
        account: String,
    },
    /// Enables a disabled account again.
    Enable {
        /// The account's e-mail address or user name.
        account: String,
    },
    /// Gives an account another password and ends its sessions: a random one,
    /// printed once, or the one on standard input.
    ResetPassword {
        /// The account's e-mail address or user name.
        account: String,
        /// Reads the password from the first line of standard input.
        #[arg(long)]
        stdin: bool,
    },
}

impl AdminCommand {
    /// Does it, and prints what came of it.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let told = match self {
            Self::Create { email, if_none } => described(&create(config, email, if_none).await?),
            Self::Grant { account } => {
                let change = AccountChange {
                    role: Some(Role::Admin),
                    ..AccountChange::default()
                };
                changed(config, &account, &change).await?
            }
            Self::Disable { account } => changed(config, &account, &enabled(false)).await?,
            Self::Enable { account } => changed(config, &account, &enabled(true)).await?,
            Self::ResetPassword { account, stdin } => {
                let password = stdin.then(read_line).transpose()?;
                reset_password(config, &account, password).await?
            }
        };
        print(&told)
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
        AdminCreated::Granted { email } => lines(email, None),
        AdminCreated::Made {
            email,
            random_password,
        } => lines(email, random_password.as_deref()),
    }
}

fn lines(email: &str, password: Option<&str>) -> String {
    let password = password.map(|password| format!("password: {password}\n"));
    format!("email: {email}\n{}", password.unwrap_or_default())
}

fn enabled(enabled: bool) -> AccountChange {
    AccountChange {
        enabled: Some(enabled),
        ..AccountChange::default()
    }
}

async fn changed(config: &Config, login: &str, change: &AccountChange) -> anyhow::Result<String> {
    let app = startup::assemble_here(config).await?.app;
    let (operator, user) = (Administrator::operator(), named(&app, login).await?);
    let user = app.change(&operator, &user.id, change).await;
    let user = user.context("the account can't be changed")?;
    Ok(lines(user.email.as_str(), None))
}

async fn reset_password(
    config: &Config,
    login: &str,
    password: Option<String>,
) -> anyhow::Result<String> {
    let app = startup::assemble_here(config).await?.app;
    let (operator, user) = (Administrator::operator(), named(&app, login).await?);
    let random = app.give_password(&operator, &user.id, password).await;
    let random = random.context("the password can't be set")?;
    Ok(lines(user.email.as_str(), random.as_deref()))
}

async fn named(app: &App, login: &str) -> anyhow::Result<User> {
    match app.account_named(&Administrator::operator(), login).await {
        Err(Error::UnknownUser) => anyhow::bail!("no account has this e-mail address or user name"),
        found => found.context("the account can't be looked up"),
    }
}

fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    let mut input = io::stdin().lock().take(MAX_LINE_BYTES);
    input
        .read_line(&mut line)
        .context("standard input can't be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
