//! Sessions in SQL.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow};

use super::{
    failed,
    record::{record, tell},
    user_row::{COLUMNS, UserRow},
};
use crate::{
    app::ports::{Sessions, StoreError, Which},
    domain::{Millis, account_event::Happening, audit::AuditEntry, session::Session, user::User},
};

/// The sessions of one database.
#[derive(Debug, Clone)]
pub struct SqlSessions(Database);

impl SqlSessions {
    /// Reads and writes the sessions of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// The session whose `column` holds `value`, with its owner.
    async fn found(
        &self,
        column: &'static str,
        value: &str,
    ) -> Result<Option<(Session, User)>, StoreError> {
        // Safe: the names of columns are constants of this folder.
        let sql = AssertSqlSafe(format!(
            "SELECT {SESSION_COLUMNS}, {COLUMNS} FROM sessions s \
             JOIN users u ON u.id = s.user_id WHERE s.{column} = $1"
        ));
        let row: Option<OwnedRow> = sqlx::query_as(sql)
            .bind(value)
            .fetch_optional(&self.0.pool)
            .await
            .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let owner = row.owner.into_credentials()?.user;
        Ok(Some((row.session.into_session(), owner)))
    }
}

const SESSION_COLUMNS: &str = "s.id, s.user_id AS owner_id, s.remember, s.created_at, \
     s.refreshed_at, s.expires_at, s.ends_at, s.ip, s.user_agent";

#[derive(FromRow)]
struct SessionRow {
    id: String,
    owner_id: String,
    remember: i64,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
    ends_at: i64,
    ip: Option<String>,
    user_agent: Option<String>,
}

#[derive(FromRow)]
struct OwnedRow {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    owner: UserRow,
}

impl SessionRow {
    fn into_session(self) -> Session {
        Session {
            id: self.id,
            user_id: self.owner_id,
            remember: self.remember == 1,
            created_at: self.created_at,
            refreshed_at: self.refreshed_at,
            expires_at: self.expires_at,
            ends_at: self.ends_at,
            ip: self.ip,
            user_agent: self.user_agent,
        }
    }
}

#[async_trait]
impl Sessions for SqlSessions {
    async fn open(
        &self,
        session: &Session,
        token_hash: &str,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        insert(&mut transaction, session, token_hash).await?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn by_token(&self, token_hash: &str) -> Result<Option<(Session, User)>, StoreError> {
        self.found("token_hash", token_hash).await
    }

    async fn by_id(&self, id: &str) -> Result<Option<(Session, User)>, StoreError> {
        self.found("id", id).await
    }

    async fn prolong(&self, id: &str, expires_at: Millis, now: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET expires_at = $1, refreshed_at = $2 WHERE id = $3")
            .bind(expires_at)
            .bind(now)
            .bind(id)
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn of_user(&self, user_id: &str, now: Millis) -> Result<Vec<Session>, StoreError> {
        // Safe: the names of columns are a constant.
        let sql = AssertSqlSafe(format!(
            "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.user_id = $1 \
             AND s.expires_at > $2 AND s.ends_at > $2 ORDER BY s.created_at DESC, s.id DESC"
        ));
        let rows: Vec<SessionRow> = sqlx::query_as(sql)
            .bind(user_id)
            .bind(now)
            .fetch_all(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(rows.into_iter().map(SessionRow::into_session).collect())
    }

    async fn end(
        &self,
        user_id: &str,
        which: Which<'_>,
        entry: &AuditEntry,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let ended = end_sessions(&mut transaction, user_id, which, entry.at).await?;
        if ended > 0 {
            record(&mut transaction, entry).await?;
            transaction.commit().await.map_err(failed)?;
        }
        Ok(ended)
    }
}

/// Adds a session within a transaction.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    session: &Session,
    token_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, token_hash, remember, created_at, refreshed_at, \
         expires_at, ends_at, ip, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&session.id)
    .bind(&session.user_id)
    .bind(token_hash)
    .bind(i64::from(session.remember))
    .bind(session.created_at)
    .bind(session.refreshed_at)
    .bind(session.expires_at)
    .bind(session.ends_at)
    .bind(session.ip.as_deref())
    .bind(session.user_agent.as_deref())
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Ends sessions within a transaction, tells other services of each, and says
/// how many there were.
pub(super) async fn end_sessions(
    connection: &mut AnyConnection,
    user_id: &str,
    which: Which<'_>,
    now: Millis,
) -> Result<u64, StoreError> {
    let (clause, id) = match which {
        Which::One(id) => ("AND id = $2", id),
        Which::All => ("AND id <> $2", ""),
        Which::AllBut(id) => ("AND id <> $2", id),
    };
    // Safe: the clause is one of two constants.
    let sql = AssertSqlSafe(format!(
        "DELETE FROM sessions WHERE user_id = $1 {clause} RETURNING id, ends_at"
    ));
    let ended: Vec<(String, i64)> = sqlx::query_as(sql)
        .bind(user_id)
        .bind(id)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    for (session_id, ends_at) in &ended {
        let happening = Happening::SessionRevoked {
            session_id: session_id.clone(),
            ends_at: *ends_at,
        };
        tell(connection, user_id, &happening, now).await?;
    }
    Ok(ended.len() as u64)
}
