//! `auth-service keys`: the keys that sign access tokens, in the database and
//! so for every replica.

use std::fmt::Write;

use chrono::DateTime;
use clap::Subcommand;

use super::print;
use crate::{
    app::signing_keys::{KeyState, ListedKey},
    config::Config,
    startup,
};

/// What can be done to signing keys.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KeysCommand {
    /// Publishes a new key, which signs in ten minutes. Tokens that the old one
    /// signed hold as long as before.
    Rotate,
    /// Lists the keys that are published.
    List,
}

impl KeysCommand {
    /// Does it, and prints the keys that are published then.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let service = startup::assemble_here(config).await?;
        let keys = match self {
            Self::Rotate => service.app.rotate_keys().await?,
            Self::List => service.app.list_keys().await?,
        };
        print(&described(&keys))
    }
}

/// A key a line: its name, what it is for, and since when or from when on.
fn described(keys: &[ListedKey]) -> String {
    let mut text = String::new();
    for key in keys {
        let state = match key.state {
            KeyState::Next => "signs from",
            KeyState::Signing => "signs since",
            KeyState::Verifying => "signed since",
        };
        let moment = DateTime::from_timestamp_millis(key.signs_from).unwrap_or_default();
        let moment = moment.format("%Y-%m-%dT%H:%M:%SZ");
        // Nothing fails that is written to a text.
        let _ = writeln!(text, "{} {state} {moment}", key.kid);
    }
    text
}
