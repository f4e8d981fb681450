//! Databases and folders that last as long as a test, and its time and chance.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use api_service::outbound::sql::MIGRATIONS;
use service_kit::{
    clock::{CountingRandomness, FixedClock},
    database::{Database, DatabaseUrl},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

use super::NOON;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// What is left when a service ends.
pub struct TestHome {
    postgres: Option<String>,
    pub folder: TempDir,
    pub clock: Arc<FixedClock>,
    pub randomness: Arc<CountingRandomness>,
}

impl TestHome {
    pub fn sqlite() -> Self {
        Self {
            postgres: None,
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::at(NOON)),
            randomness: Arc::new(CountingRandomness::default()),
        }
    }

    /// With a new database on the server of `TEST_POSTGRES_URL`. Nobody drops
    /// it: the server itself lasts no longer than the tests.
    pub async fn postgres() -> Self {
        let server = server_url();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("api_test_{}_{number}", process::id());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.unwrap();
        connection.close().await.unwrap();
        let (host, _) = server.rsplit_once('/').unwrap();
        Self {
            postgres: Some(format!("{host}/{name}")),
            ..Self::sqlite()
        }
    }

    /// The home of another process, with everything of its own but time.
    pub fn beside(other: &Self) -> Self {
        Self {
            clock: other.clock.clone(),
            ..Self::sqlite()
        }
    }

    /// The home of another process on the same server.
    pub fn sharing(url: String, clock: Arc<FixedClock>) -> Self {
        Self {
            postgres: Some(url),
            clock,
            ..Self::sqlite()
        }
    }

    /// Whether its database is on a server.
    pub const fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// The address of its database on the server.
    pub fn server_url(&self) -> String {
        self.postgres.clone().expect("only a server can be shared")
    }

    pub fn database_url(&self) -> DatabaseUrl {
        match &self.postgres {
            Some(url) => url.parse().unwrap(),
            None => DatabaseUrl::sqlite(&self.folder.path().join("api.db")),
        }
    }

    /// The database with its schema up to date.
    pub async fn database(&self) -> Database {
        let database = Database::open(&self.database_url()).await.unwrap();
        database.migrate(&MIGRATIONS).await.unwrap();
        database
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness says where the server is"
)]
fn server_url() -> String {
    std::env::var("TEST_POSTGRES_URL")
        .expect("run the tests with `make test`, which starts a private PostgreSQL")
}
