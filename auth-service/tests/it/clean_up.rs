//! What has expired goes, and nothing else, on both engines.

use service_kit::{clock::Millis, database::Database};
use sqlx::AssertSqlSafe;

use crate::support::{NOON, TestApp, TestDatabase};

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn run(database: &Database, statement: String) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(&database.pool)
        .await
        .unwrap();
}

/// The keys that are left in a table.
async fn left(database: &Database, table: &str, key: &str) -> Vec<String> {
    let query = format!("SELECT {key} FROM {table} ORDER BY {key}");
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(query))
        .fetch_all(&database.pool)
        .await
        .unwrap();
    rows.into_iter().map(|(key,)| key).collect()
}

/// Rows that are named `gone` and `kept`, of which the first has just expired.
async fn insert(database: &Database, table: &str, key: &str, more: [&str; 2], expiry: Millis) {
    let ([columns, values], column) = (more, expiry_of(table));
    for (name, at) in [("gone", expiry - 1), ("kept", expiry)] {
        let statement = format!(
            "INSERT INTO {table} ({key}, {column}, {columns}) VALUES ('{name}', {at}, {values})"
        );
        run(database, statement).await;
    }
}

fn expiry_of(table: &str) -> &'static str {
    if table == "audit_log" {
        "at"
    } else {
        "expires_at"
    }
}

async fn only_what_has_expired_goes(home: TestDatabase) {
    let app = TestApp::on(home, &[("AUDIT_RETENTION_DAYS", "30")]).await;
    let session = app.sign_up("ada").await;
    let database = &app.database;
    for table in ["audit_log", "sessions", "counts"] {
        run(database, format!("DELETE FROM {table}")).await;
    }
    let ada = session["user"]["id"].as_str().unwrap();
    let minute_ago = NOON - 60_000;
    for (name, at) in [("gone", minute_ago - 1), ("kept", minute_ago)] {
        let values = format!("'{name}', '{ada}', '{name}', 1, 0, 0, {at}, {at}");
        let columns = "id, user_id, token_hash, remember, created_at, refreshed_at, \
                       expires_at, ends_at";
        let insert = format!("INSERT INTO sessions ({columns}) VALUES ({values})");
        run(database, insert).await;
    }
    let of_session = ["session_id, created_at", "'kept', 0"];
    insert(
        database,
        "refresh_tokens",
        "token_hash",
        of_session,
        minute_ago,
    )
    .await;
    let mailed = ["purpose, payload, created_at", "'test', '', 0"];
    insert(
        database,
        "one_time_tokens",
        "token_hash",
        mailed,
        NOON - DAY,
    )
    .await;
    let flow = ["flow", "''"];
    insert(database, "oauth_flows", "state_hash", flow, minute_ago).await;
    insert(
        database,
        "counts",
        "key",
        ["times, until", "1, 0"],
        minute_ago,
    )
    .await;
    insert(
        database,
        "audit_log",
        "id",
        ["act", "'test'"],
        NOON - 30 * DAY,
    )
    .await;
    // More than one batch.
    for number in 0..600 {
        let insert = format!("INSERT INTO audit_log (id, at, act) VALUES ('{number}', 1, 'test')");
        run(database, insert).await;
    }
    assert_eq!(app.app.clean_up().await.unwrap(), 606);
    for (table, key) in [
        ("sessions", "id"),
        ("refresh_tokens", "token_hash"),
        ("one_time_tokens", "token_hash"),
        ("oauth_flows", "state_hash"),
        ("counts", "key"),
        ("audit_log", "id"),
    ] {
        assert_eq!(left(database, table, key).await, ["kept"], "{table}");
    }
    assert_eq!(app.app.clean_up().await.unwrap(), 0);
}

#[tokio::test]
async fn only_what_has_expired_goes_on_sqlite() {
    only_what_has_expired_goes(TestDatabase::sqlite()).await;
}

#[tokio::test]
async fn only_what_has_expired_goes_on_postgres() {
    only_what_has_expired_goes(TestDatabase::postgres().await).await;
}

#[tokio::test]
async fn an_audit_log_without_end_is_kept() {
    let app = TestApp::on(TestDatabase::sqlite(), &[("AUDIT_RETENTION_DAYS", "0")]).await;
    run(
        &app.database,
        "INSERT INTO audit_log (id, at, act) VALUES ('old', 1, 'test')".to_owned(),
    )
    .await;
    app.app.clean_up().await.unwrap();
    assert_eq!(left(&app.database, "audit_log", "id").await, ["old"]);
}
