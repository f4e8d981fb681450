//! What api-service says, and with which code it ends, where it can't begin.

#[path = "../../../service-kit/tests/starting/mod.rs"]
mod program;

use std::path::Path;

use api_service::outbound::sql::MIGRATIONS;
use service_kit::{database::Database, exit};

use crate::support::{TestHome, embedder::models_folder};

#[test]
fn what_can_not_begin_says_why_and_harms_nothing() {
    let program = program::Program {
        name: "api-service",
        path: env!("CARGO_BIN_EXE_api-service"),
        environment: &[
            ("API_HTTP_ADDR", "127.0.0.1:0"),
            ("AUTH_URL", "http://127.0.0.1:1"),
        ],
        beside: vec![("models", models_folder())],
    };
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/starting.yaml");
    program.holds_to(&table);
}

async fn a_newer_schema_is_refused(home: TestHome) {
    let database = home.database().await;
    let later = "INSERT INTO _sqlx_migrations \
        (version, description, success, checksum, execution_time) \
        SELECT 99999999999999, 'later', success, checksum, 0 FROM _sqlx_migrations \
        WHERE version = 20261121000001";
    sqlx::query(later).execute(&database.pool).await.unwrap();
    let again = Database::open(&home.database_url()).await.unwrap();
    let refused = again.migrate(&MIGRATIONS).await.unwrap_err();
    let expected = "the database's schema is newer than this program, which has no migration \
        99999999999999; run the version that made it, or one after that";
    assert_eq!(exit::one_line(&refused), expected);
    assert_eq!(exit::code(&refused), exit::DATA);
}

#[tokio::test]
async fn a_newer_schema_is_refused_on_both_engines() {
    a_newer_schema_is_refused(TestHome::sqlite()).await;
    a_newer_schema_is_refused(TestHome::postgres().await).await;
}
