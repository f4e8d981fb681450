//! Accounts in SQL.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

use super::{
    failed,
    one_time_tokens::end_tokens,
    record::record,
    sessions::end_sessions,
    user_changes, user_list,
    user_row::{COLUMNS, UserRow, profile_text},
};
use crate::{
    app::ports::{AccountFilter, Credentials, StoreError, Taken, Users, Which},
    domain::{
        Millis,
        account_change::AccountChange,
        audit::AuditEntry,
        email::Email,
        user::{User, Username},
    },
};

/// The accounts of one database.
#[derive(Debug, Clone)]
pub struct SqlUsers(Database);

impl SqlUsers {
    /// Reads and writes the accounts of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// The account whose `column` holds `value`.
    async fn found(
        &self,
        column: &'static str,
        value: &str,
    ) -> Result<Option<Credentials>, StoreError> {
        // Safe: the column's name is a constant of this file.
        let sql = AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM users u WHERE u.{column} = $1"
        ));
        let row: Option<UserRow> = sqlx::query_as(sql)
            .bind(value)
            .fetch_optional(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(row.map(UserRow::into_credentials).transpose()?)
    }
}

#[async_trait]
impl Users for SqlUsers {
    async fn add(&self, account: &Credentials, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        insert(&mut transaction, account).await?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn import(
        &self,
        accounts: &[(Credentials, AuditEntry)],
    ) -> Result<Vec<Result<bool, Taken>>, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let mut outcomes = Vec::with_capacity(accounts.len());
        for (account, entry) in accounts {
            let added = insert_unless(&mut transaction, account, "ON CONFLICT DO NOTHING").await?;
            outcomes.push(if added {
                record(&mut transaction, entry).await?;
                Ok(true)
            } else {
                in_the_way(&mut transaction, &account.user).await?
            });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(outcomes)
    }

    async fn by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        self.found("email", email.as_str()).await
    }

    async fn by_username(&self, username: &Username) -> Result<Option<Credentials>, StoreError> {
        self.found("username", username.as_str()).await
    }

    async fn credentials(&self, id: &str) -> Result<Option<Credentials>, StoreError> {
        self.found("id", id).await
    }

    async fn by_id(&self, id: &str) -> Result<Option<User>, StoreError> {
        let found = self.found("id", id).await?;
        Ok(found.map(|account| account.user))
    }

    async fn by_ids(&self, ids: &[String]) -> Result<Vec<User>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // `QueryBuilder` numbers no placeholders on `Any`, as PostgreSQL needs.
        let places: Vec<String> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        // Safe: nothing but numbered placeholders is added to constants.
        let sql = AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM users u WHERE u.id IN ({})",
            places.join(", ")
        ));
        let mut query = sqlx::query_as(sql);
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<UserRow> = query.fetch_all(&self.0.pool).await.map_err(failed)?;
        let users = rows
            .into_iter()
            .map(|row| row.into_credentials().map(|known| known.user));
        Ok(users.collect::<Result<_, _>>()?)
    }

    async fn replace_hash(
        &self,
        id: &str,
        old: &str,
        new: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE users SET password_hash = $1, updated_at = $2 \
             WHERE id = $3 AND password_hash = $4",
        )
        .bind(new)
        .bind(now)
        .bind(id)
        .bind(old)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn update(&self, user: &User, entry: &AuditEntry) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let done = user_changes::store(&mut transaction, user).await?;
        finish(transaction, done, entry).await
    }

    async fn set_verified_email(
        &self,
        id: &str,
        old: &Email,
        new: &Email,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let done = sqlx::query(
            "UPDATE users SET email = $1, email_verified = 1, updated_at = $2 \
             WHERE id = $3 AND email = $4",
        )
        .bind(new.as_str())
        .bind(entry.at)
        .bind(id)
        .bind(old.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        end_tokens(&mut transaction, id).await?;
        finish(transaction, done.rows_affected() > 0, entry).await
    }

    async fn set_password(
        &self,
        id: &str,
        hash: &str,
        end: Option<Which<'_>>,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let done =
            sqlx::query("UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3")
                .bind(hash)
                .bind(entry.at)
                .bind(id)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        end_tokens(&mut transaction, id).await?;
        if let Some(which) = end {
            end_sessions(&mut transaction, id, which, entry.at).await?;
        }
        finish(transaction, done.rows_affected() > 0, entry).await
    }

    async fn change(
        &self,
        id: &str,
        change: &AccountChange,
        now: Millis,
        entries: &[AuditEntry],
    ) -> Result<Option<User>, StoreError> {
        user_changes::change(&self.0, id, change, now, entries).await
    }

    async fn delete(&self, id: &str, entry: &AuditEntry) -> Result<bool, StoreError> {
        user_changes::delete(&self.0, id, entry).await
    }

    async fn has_admin(&self) -> Result<bool, StoreError> {
        let (admins,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL",
        )
        .fetch_one(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(admins > 0)
    }

    async fn list(&self, filter: &AccountFilter) -> Result<Vec<User>, StoreError> {
        user_list::list(&self.0, filter).await
    }
}

/// Commits what was changed with its line of the audit log; nothing where
/// nothing was changed.
async fn finish(
    mut transaction: Transaction<'static, Any>,
    changed: bool,
    entry: &AuditEntry,
) -> Result<bool, StoreError> {
    if changed {
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)?;
    }
    Ok(changed)
}

/// Adds an account within a transaction.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    account: &Credentials,
) -> Result<(), StoreError> {
    insert_unless(connection, account, "").await.map(drop)
}

/// Adds an account; says whether `conflict`, a clause of SQL, let it be.
async fn insert_unless(
    connection: &mut AnyConnection,
    account: &Credentials,
    conflict: &'static str,
) -> Result<bool, StoreError> {
    let user = &account.user;
    // Safe: the clause is a constant of this file.
    let sql = AssertSqlSafe(format!(
        "INSERT INTO users (id, email, username, name, password_hash, role, email_verified, \
         image, profile, created_at, updated_at, disabled_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) {conflict}"
    ));
    let done = sqlx::query(sql)
        .bind(&user.id)
        .bind(user.email.as_str())
        .bind(user.username.as_ref().map(Username::as_str))
        .bind(user.name.as_str())
        .bind(account.password_hash.as_deref())
        .bind(user.role.as_str())
        .bind(i64::from(user.email_verified))
        .bind(user.image.as_deref())
        .bind(profile_text(&user.profile))
        .bind(user.created_at)
        .bind(user.updated_at)
        .bind(user.disabled_at)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Why an account was not added: its address has one, which is no fault, or
/// another value is taken.
async fn in_the_way(
    connection: &mut AnyConnection,
    user: &User,
) -> Result<Result<bool, Taken>, StoreError> {
    let found: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT email, username FROM users WHERE email = $1 OR username = $2")
            .bind(user.email.as_str())
            .bind(user.username.as_ref().map(Username::as_str))
            .fetch_all(connection)
            .await
            .map_err(failed)?;
    Ok(
        if found.iter().any(|(email, _)| email == user.email.as_str()) {
            Ok(false)
        } else if found.is_empty() {
            Err(Taken::Other)
        } else {
            Err(Taken::Username)
        },
    )
}
