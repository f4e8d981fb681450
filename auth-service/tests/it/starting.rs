//! What auth-service says, and with which code it ends, where it can't begin.

#[path = "../../../service-kit/tests/starting/mod.rs"]
mod program;

use std::{path::Path, time::Duration};

use auth_service::startup;
use service_kit::{database::Database, exit};
use tokio::net::TcpListener;

use crate::{
    failing::cable,
    support::{TestDatabase, on_both_engines},
};

#[test]
fn what_can_not_begin_says_why_and_harms_nothing() {
    let program = program::Program {
        name: "auth-service",
        path: env!("CARGO_BIN_EXE_auth-service"),
        environment: &[
            ("AUTH_HTTP_ADDR", "127.0.0.1:0"),
            ("AUTH_GRPC_ADDR", "127.0.0.1:0"),
        ],
        beside: vec![],
    };
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/starting.yaml");
    program.holds_to(&table);
}

on_both_engines!(a_newer_schema_is_refused);

async fn a_newer_schema_is_refused(home: TestDatabase) {
    let config = home.config(&[]);
    startup::migrate(&config).await.unwrap();
    let database = Database::open(&config.server.database).await.unwrap();
    let later = "INSERT INTO _auth_migrations \
        (version, description, success, checksum, execution_time) \
        SELECT 9999, 'later', success, checksum, 0 FROM _auth_migrations WHERE version = 1";
    sqlx::query(later).execute(&database.pool).await.unwrap();
    let refused = startup::migrate(&config).await.unwrap_err();
    let expected = "the database's schema is newer than this program, which has no migration \
        9999; run the version that made it, or one after that";
    assert_eq!(exit::one_line(refused.as_ref()), expected);
    assert_eq!(exit::code(refused.as_ref()), exit::DATA);
    let gone = "DELETE FROM _auth_migrations WHERE version = 9999";
    sqlx::query(gone).execute(&database.pool).await.unwrap();
    startup::migrate(&config).await.unwrap();
}

#[tokio::test]
async fn a_server_that_turns_us_away_is_not_waited_for() {
    let home = TestDatabase::postgres().await;
    let (server, url) = home.behind("127.0.0.1:1".parse().unwrap());
    let url = url
        .replace("127.0.0.1:1", &server)
        .replace("/auth_test", "/no_such");
    let config = home.config(&[("AUTH_DATABASE_URL", &url)]);
    let refused = startup::migrate(&config).await.unwrap_err();
    let said = exit::one_line(refused.as_ref());
    let expected = format!("the database at {server} can't be opened: ");
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains("does not exist"), "{said}");
    assert_eq!(exit::code(refused.as_ref()), exit::UNAVAILABLE);
}

#[tokio::test]
async fn a_server_that_comes_up_is_waited_for() {
    let home = TestDatabase::postgres().await;
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let (server, url) = home.behind(address);
    let config = home.config(&[("AUTH_DATABASE_URL", &url)]);
    let up = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        cable(TcpListener::bind(address).await.unwrap(), server)
    };
    let (migrated, _connected) = tokio::join!(startup::migrate(&config), up);
    migrated.unwrap();
}
