//! Changes and deletes accounts. The row is locked first, the counter of the
//! account events last: so no two changes wait for one another, and the
//! administrators are counted by one at a time.

use proto::claims::Role;
use service_kit::database::Database;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    failed,
    one_time_tokens::end_tokens,
    record::{record, tell},
    sessions::end_sessions,
    user_row::{COLUMNS, UserRow, profile_text},
};
use crate::{
    app::ports::{StoreError, Which},
    domain::{
        Millis,
        account_change::{AccountChange, tells_of},
        account_event::Happening,
        audit::AuditEntry,
        user::{User, Username},
    },
};

/// Changes an account, and gives it as it is then.
pub(super) async fn change(
    database: &Database,
    id: &str,
    change: &AccountChange,
    now: Millis,
    entries: &[AuditEntry],
) -> Result<Option<User>, StoreError> {
    let mut transaction = database.begin().await.map_err(failed)?;
    let Some(before) = locked(&mut transaction, id).await? else {
        return Ok(None);
    };
    let after = change.applied(&before, now);
    if after == before {
        return Ok(Some(before));
    }
    store(&mut transaction, &after).await?;
    store_standing(&mut transaction, &after).await?;
    if before.email != after.email {
        end_tokens(&mut transaction, id).await?;
    }
    tell_of(&mut transaction, &before, &after, now).await?;
    if is_admin(&before) && !is_admin(&after) {
        keep_an_admin(&mut transaction).await?;
    }
    for entry in entries {
        if tells_of(entry.act, &before, &after) {
            record(&mut transaction, entry).await?;
        }
    }
    transaction.commit().await.map_err(failed)?;
    Ok(Some(after))
}

/// Deletes an account; says whether there was one.
pub(super) async fn delete(
    database: &Database,
    id: &str,
    entry: &AuditEntry,
) -> Result<bool, StoreError> {
    let mut transaction = database.begin().await.map_err(failed)?;
    let Some(before) = locked(&mut transaction, id).await? else {
        return Ok(false);
    };
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(id)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    tell(&mut transaction, id, &Happening::Deleted, entry.at).await?;
    if is_admin(&before) {
        keep_an_admin(&mut transaction).await?;
    }
    record(&mut transaction, entry).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

/// Stores name, picture, address and profile; says whether there is such an
/// account.
pub(super) async fn store(connection: &mut AnyConnection, user: &User) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE users SET email = $1, username = $2, name = $3, email_verified = $4, \
         image = $5, profile = $6, updated_at = $7 WHERE id = $8",
    )
    .bind(user.email.as_str())
    .bind(user.username.as_ref().map(Username::as_str))
    .bind(user.name.as_str())
    .bind(i64::from(user.email_verified))
    .bind(user.image.as_deref())
    .bind(profile_text(&user.profile))
    .bind(user.updated_at)
    .bind(&user.id)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

async fn store_standing(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET role = $1, disabled_at = $2 WHERE id = $3")
        .bind(user.role.as_str())
        .bind(user.disabled_at)
        .bind(&user.id)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// The account, which nobody else changes until the end of the transaction.
async fn locked(connection: &mut AnyConnection, id: &str) -> Result<Option<User>, StoreError> {
    // SQLite has no FOR UPDATE; writing the row locks it on both engines.
    sqlx::query("UPDATE users SET updated_at = updated_at WHERE id = $1")
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    // Safe: the names of columns are a constant.
    let sql = AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.id = $1"));
    let row: Option<UserRow> = sqlx::query_as(sql)
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    let found = row.map(UserRow::into_credentials).transpose()?;
    Ok(found.map(|account| account.user))
}

/// Tells other services of what they must learn. A role that is given holds
/// from the next token on: nothing is taken back for it.
async fn tell_of(
    connection: &mut AnyConnection,
    before: &User,
    after: &User,
    now: Millis,
) -> Result<(), StoreError> {
    if before.role == Role::Admin && after.role != Role::Admin {
        tell(connection, &after.id, &Happening::TokensRevoked, now).await?;
    }
    if before.is_enabled() && !after.is_enabled() {
        end_sessions(connection, &after.id, Which::All, now).await?;
        tell(connection, &after.id, &Happening::Disabled, now).await?;
    }
    if !before.is_enabled() && after.is_enabled() {
        tell(connection, &after.id, &Happening::Enabled, now).await?;
    }
    Ok(())
}

fn is_admin(user: &User) -> bool {
    user.role == Role::Admin && user.is_enabled()
}

/// Fails where no administrator is left. Whoever takes one away has told an
/// event before: the counter's lock lets one of them count at a time.
async fn keep_an_admin(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let (admins,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL")
            .fetch_one(connection)
            .await
            .map_err(failed)?;
    if admins == 0 {
        return Err(StoreError::LastAdmin);
    }
    Ok(())
}
