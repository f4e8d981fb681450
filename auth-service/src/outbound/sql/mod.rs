//! The only place with SQL: one set of queries for SQLite and PostgreSQL.

use sqlx::migrate::Migrator;

use crate::app::ports::StoreError;

mod signing_keys;
mod users;

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
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Taken,
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_) => StoreError::Unreachable(Box::new(error)),
        other => StoreError::Broken(Box::new(other)),
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
