//! The only place with SQL: one set of queries for SQLite and PostgreSQL.

use sqlx::{error::DatabaseError, migrate::Migrator};

use crate::app::ports::{StoreError, Taken};

mod api_keys;
mod conditions;
mod counts;
mod leftovers;
mod linked_accounts;
mod oauth_flows;
mod one_time_tokens;
mod record;
mod refresh_tokens;
mod sessions;
mod signing_keys;
mod user_changes;
mod user_list;
mod user_row;
mod users;

pub use api_keys::SqlApiKeys;
pub use counts::SqlCounts;
pub use leftovers::SqlLeftovers;
pub use linked_accounts::SqlLinkedAccounts;
pub use oauth_flows::SqlFlows;
pub use one_time_tokens::SqlOneTimeTokens;
pub use record::{SqlAccountEvents, SqlAuditLog};
pub use refresh_tokens::SqlRefreshTokens;
pub use sessions::SqlSessions;
pub use signing_keys::SqlSigningKeys;
pub use users::SqlUsers;

/// The migrations, which remember themselves in a table of this service's own:
/// so the other service may live in the same database.
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("./migrations");
    migrations.dangerous_set_table_name("_auth_migrations");
    migrations
}

/// Translates what the database said. A row that can't be read is a fault of
/// ours; a database that does not answer is not.
fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => {
            StoreError::Taken(what_is_taken(error.as_ref()))
        }
        sqlx::Error::Database(error) if is_passing(error.as_ref()) => {
            StoreError::Unreachable(error)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_) => StoreError::Unreachable(Box::new(error)),
        other => StoreError::Broken(Box::new(other)),
    }
}

/// Which value repeats. PostgreSQL names the index, SQLite only says table and
/// column in its message.
fn what_is_taken(error: &dyn DatabaseError) -> Taken {
    let said = error.constraint().unwrap_or_else(|| error.message());
    match said {
        said if said.contains("users_by_email") || said.contains("users.email") => Taken::Email,
        said if said.contains("users_by_username") || said.contains("users.username") => {
            Taken::Username
        }
        said if said.contains("linked_accounts_by_provider")
            || said.contains("linked_accounts.provider") =>
        {
            Taken::LinkedAccount
        }
        _ => Taken::Other,
    }
}

/// Whether the database would do it a little later. PostgreSQL: lost connections
/// (class 08), too few resources (53), a server that stops or starts (57P).
/// SQLite: busy (5, with its extended codes 261 and 517) or a full disk (13).
fn is_passing(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    let is_sqlstate = code.len() == 5;
    match code.as_ref() {
        "5" | "261" | "517" | "13" => true,
        state if is_sqlstate => ["08", "53", "57P"]
            .iter()
            .any(|class| state.starts_with(class)),
        _ => false,
    }
}

/// A stored value that breaks a rule of the domain.
#[derive(Debug, thiserror::Error)]
#[error("the row {id} of {table} holds a bad {column}")]
struct BadRow {
    table: &'static str,
    id: String,
    column: &'static str,
}

impl From<BadRow> for StoreError {
    fn from(row: BadRow) -> Self {
        Self::Broken(Box::new(row))
    }
}
