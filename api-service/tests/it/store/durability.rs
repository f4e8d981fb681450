//! Which commits wait for the disk.

use sqlx::{Any, Transaction};

use super::{Shelf, on_both_engines};

on_both_engines![commits_wait_for_the_disk_unless_they_are_delayed];

async fn commits_wait_for_the_disk_unless_they_are_delayed(shelf: Shelf) {
    let sqlite = format!("{:?}", shelf.home.database_url()) == "sqlite";
    if !sqlite {
        // The servers of these tests wait for nothing.
        sqlx::raw_sql(WAITS)
            .execute(&shelf.database.pool)
            .await
            .unwrap();
    }
    let database = shelf.home.database().await;
    let (waits, goes_on) = if sqlite { ("2", "1") } else { ("on", "off") };
    let now = setting(database.begin().await.unwrap(), sqlite).await;
    assert_eq!(now, waits);
    let delayed = setting(database.begin_delayed().await.unwrap(), sqlite).await;
    assert_eq!(delayed, goes_on);
    let again = setting(database.begin().await.unwrap(), sqlite).await;
    assert_eq!(again, waits);
    database.sync().await.unwrap();
}

/// `PostgreSQL`, as it is where nobody says otherwise.
const WAITS: &str = "DO $$ BEGIN EXECUTE \
    format('ALTER DATABASE %I SET synchronous_commit = on', current_database()); END $$";

/// What the engine says of a transaction, which is committed.
async fn setting(mut transaction: Transaction<'static, Any>, sqlite: bool) -> String {
    let said = if sqlite {
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        level.to_string()
    } else {
        sqlx::query_scalar("SELECT current_setting('synchronous_commit')")
            .fetch_one(&mut *transaction)
            .await
            .unwrap()
    };
    transaction.commit().await.unwrap();
    said
}
