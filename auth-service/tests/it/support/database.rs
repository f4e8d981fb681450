//! Databases that last as long as a test.

use std::{
    net::SocketAddr,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use auth_service::config::Config;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An empty database, and a data folder.
pub struct TestDatabase {
    url: Option<String>,
    pub folder: TempDir,
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        Self {
            url: None,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A new database on the server of `TEST_POSTGRES_URL`. Nobody drops it:
    /// the server itself lasts no longer than the tests.
    pub async fn postgres() -> Self {
        let server = server_url();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("auth_test_{}_{number}", process::id());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.unwrap();
        connection.close().await.unwrap();
        let (host, _) = server.rsplit_once('/').unwrap();
        Self {
            url: Some(format!("{host}/{name}")),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The server's address, and the same database behind another address.
    pub fn behind(&self, address: SocketAddr) -> (String, String) {
        let url = self.url.as_deref().expect("only a server can be far away");
        let (login, rest) = url.rsplit_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        (server.to_owned(), format!("{login}@{address}/{name}"))
    }

    /// The variables under which a service finds this database.
    pub fn variables(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let mut variables = vec![
            ("DATA_DIR".to_owned(), folder),
            // The machine of the tests has other things to do.
            ("PASSWORD_HASH_THREADS".to_owned(), "2".to_owned()),
            // Tests sign in more often than people do; those of the limits
            // turn them on.
            ("RATE_LIMIT_ENABLED".to_owned(), "false".to_owned()),
        ];
        if let Some(url) = &self.url {
            variables.push(("AUTH_DATABASE_URL".to_owned(), url.clone()));
        }
        variables
    }

    pub fn config(&self, settings: &[(&str, &str)]) -> Config {
        let more = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_values(self.variables().into_iter().chain(more)).unwrap()
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
