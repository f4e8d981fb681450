//! Accounts in SQL.

use std::fmt::Write;

use async_trait::async_trait;
use proto::claims::Role;
use service_kit::database::Database;
use sqlx::{AssertSqlSafe, FromRow};

use super::{BadRow, failed};
use crate::{
    app::ports::{Credentials, StoreError, Users},
    domain::{
        Millis,
        email::Email,
        user::{DisplayName, User},
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
}

#[derive(FromRow)]
struct UserRow {
    id: String,
    email: String,
    name: String,
    password_hash: String,
    role: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl UserRow {
    fn into_credentials(self) -> Result<Credentials, BadRow> {
        let bad = |column| BadRow {
            table: "users",
            id: self.id.clone(),
            column,
        };
        let user = User {
            email: Email::parse(&self.email).map_err(|_| bad("email"))?,
            name: DisplayName::parse(&self.name).map_err(|_| bad("name"))?,
            role: Role::from_word(&self.role).ok_or_else(|| bad("role"))?,
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            id: self.id,
        };
        Ok(Credentials {
            user,
            password_hash: self.password_hash,
        })
    }
}

#[async_trait]
impl Users for SqlUsers {
    async fn add(&self, account: &Credentials) -> Result<(), StoreError> {
        let user = &account.user;
        sqlx::query(
            "INSERT INTO users \
             (id, email, name, password_hash, role, created_at, updated_at, disabled_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        )
        .bind(&user.id)
        .bind(user.email.as_str())
        .bind(user.name.as_str())
        .bind(&account.password_hash)
        .bind(user.role.as_str())
        .bind(user.created_at)
        .bind(user.disabled_at)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as(
            "SELECT id, email, name, password_hash, role, created_at, disabled_at \
             FROM users WHERE email = $1",
        )
        .bind(email.as_str())
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(row.map(UserRow::into_credentials).transpose()?)
    }

    async fn by_id(&self, id: &str) -> Result<Option<User>, StoreError> {
        let found = self.by_ids(&[id.to_owned()]).await?;
        Ok(found.into_iter().next())
    }

    async fn by_ids(&self, ids: &[String]) -> Result<Vec<User>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = String::from(
            "SELECT id, email, name, password_hash, role, created_at, disabled_at \
             FROM users WHERE id IN ($1",
        );
        for number in 2..=ids.len() {
            // Writing to a String can't fail.
            let _ = write!(sql, ", ${number}");
        }
        sql.push(')');
        // Safe: nothing but numbered placeholders is added to a constant.
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
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

    async fn grant_admin(&self, id: &str, now: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE users SET role = 'admin', updated_at = $1 WHERE id = $2 AND role <> 'admin'",
        )
        .bind(now)
        .bind(id)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
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
}
