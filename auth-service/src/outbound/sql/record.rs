//! What is written beside a change, in the change's own transaction: a line of
//! the audit log, and events for other services.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::{AnyConnection, FromRow};

use super::{BadRow, conditions::Conditions, failed};
use crate::{
    app::ports::{AccountEvents, AuditFilter, AuditLog, StoreError},
    domain::{
        Millis,
        account_event::{AccountEvent, Happening},
        audit::{Act, AuditEntry},
    },
};

/// Adds a line to the audit log.
pub(super) async fn record(
    connection: &mut AnyConnection,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_log (id, at, act, actor, target, ip, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&entry.id)
    .bind(entry.at)
    .bind(entry.act.as_str())
    .bind(entry.actor.as_deref())
    .bind(entry.target.as_deref())
    .bind(entry.ip.as_deref())
    .bind(entry.detail.as_deref())
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Tells other services what happened to an account. The counter's row stays
/// locked until the commit, so that numbers appear in order.
pub(super) async fn tell(
    connection: &mut AnyConnection,
    user_id: &str,
    happening: &Happening,
    now: Millis,
) -> Result<(), StoreError> {
    let (number,): (i64,) = sqlx::query_as(
        "UPDATE account_event_counter SET last = last + 1 WHERE id = 1 RETURNING last",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query(
        "INSERT INTO account_events (number, at, kind, user_id, session_id, until) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(number)
    .bind(now)
    .bind(happening.as_str())
    .bind(user_id)
    .bind(happening.session_id())
    .bind(happening.until(now))
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The audit log of one database.
#[derive(Debug, Clone)]
pub struct SqlAuditLog(Database);

impl SqlAuditLog {
    /// Writes the audit log of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl AuditLog for SqlAuditLog {
    async fn add(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut connection = self.0.pool.acquire().await.map_err(failed)?;
        record(&mut connection, entry).await
    }

    async fn addresses(
        &self,
        act: Act,
        target: &str,
        since: Millis,
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT DISTINCT ip FROM audit_log \
             WHERE target = $1 AND at >= $2 AND act = $3 AND ip IS NOT NULL LIMIT 100",
        )
        .bind(target)
        .bind(since)
        .bind(act.as_str())
        .fetch_all(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(rows.into_iter().map(|(ip,)| ip).collect())
    }

    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.add("target = ?", filter.target.as_deref())?;
        conditions.add("actor = ?", filter.actor.as_deref())?;
        conditions.add("act = ?", filter.act.map(Act::as_str))?;
        conditions.add("at >= ?", filter.since)?;
        conditions.add("at < ?", filter.until)?;
        conditions.add("id < ?", filter.after.as_deref())?;
        let rows: Vec<EntryRow> = conditions
            .select(
                "SELECT id, at, act, actor, target, ip, detail FROM audit_log",
                "ORDER BY id DESC",
                filter.limit,
            )?
            .fetch_all(&self.0.pool)
            .await
            .map_err(failed)?;
        let entries = rows.into_iter().map(EntryRow::into_entry);
        Ok(entries.collect::<Result<_, _>>()?)
    }
}

#[derive(FromRow)]
struct EntryRow {
    id: String,
    at: i64,
    act: String,
    actor: Option<String>,
    target: Option<String>,
    ip: Option<String>,
    detail: Option<String>,
}

impl EntryRow {
    fn into_entry(self) -> Result<AuditEntry, BadRow> {
        let Some(act) = Act::from_word(&self.act) else {
            return Err(BadRow {
                table: "audit_log",
                id: self.id,
                column: "act",
            });
        };
        Ok(AuditEntry {
            id: self.id,
            at: self.at,
            act,
            actor: self.actor,
            target: self.target,
            ip: self.ip,
            detail: self.detail,
        })
    }
}

/// The account events of one database.
#[derive(Debug, Clone)]
pub struct SqlAccountEvents(Database);

impl SqlAccountEvents {
    /// Reads the events of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[derive(FromRow)]
struct EventRow {
    number: i64,
    at: i64,
    kind: String,
    user_id: String,
    session_id: Option<String>,
    until: Option<i64>,
}

impl EventRow {
    fn into_event(self) -> Result<AccountEvent, BadRow> {
        match Happening::from_word(&self.kind, self.session_id, self.until) {
            Some(happening) => Ok(AccountEvent {
                number: self.number,
                at: self.at,
                user_id: self.user_id,
                happening,
            }),
            None => Err(BadRow {
                table: "account_events",
                id: self.number.to_string(),
                column: "kind",
            }),
        }
    }
}

#[async_trait]
impl AccountEvents for SqlAccountEvents {
    async fn after(&self, after: i64, limit: i64) -> Result<Vec<AccountEvent>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(
            "SELECT number, at, kind, user_id, session_id, until FROM account_events \
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.0.pool)
        .await
        .map_err(failed)?;
        let events = rows.into_iter().map(EventRow::into_event);
        Ok(events.collect::<Result<_, _>>()?)
    }

    async fn newest(&self) -> Result<i64, StoreError> {
        let (last,): (i64,) = sqlx::query_as("SELECT last FROM account_event_counter WHERE id = 1")
            .fetch_one(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(last)
    }
}
