//! What follows from the events of accounts.

use std::collections::HashMap;

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{SqlStore, impossible};
use crate::{
    app::ports::{AccountStore, StoreError},
    domain::{
        account::{AccountEvent, Happening, Refusal, Refusals, Standing, last_refusable},
        knowledge_base::KnowledgeBaseId,
        principal::UserId,
    },
};

/// The condition that `$1`, an owner, was not deleted: what is under way for
/// somebody who was must not bring anything back.
pub(super) const OWNER_IS_THERE: &str =
    "NOT EXISTS (SELECT 1 FROM account_standings WHERE user_id = $1 AND standing = 'deleted')";

/// Rows that one step of an erasure removes: a document may have thousands of
/// chunks, and others want to write too.
const STEP: i64 = 20;

/// Users whose erasure one look finds.
const USERS: i64 = 100;

#[async_trait]
impl AccountStore for SqlStore {
    async fn refusals(&self) -> Result<(i64, Refusals), StoreError> {
        // The place first: what another process applies meanwhile is heard again.
        let (number,): (i64,) = sqlx::query_as("SELECT number FROM account_cursor WHERE id = 1")
            .fetch_one(&self.database.pool)
            .await?;
        let sessions: Vec<(String, i64)> =
            sqlx::query_as("SELECT session_id, until FROM revoked_sessions")
                .fetch_all(&self.database.pool)
                .await?;
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT user_id, standing, refused_up_to FROM account_standings")
                .fetch_all(&self.database.pool)
                .await?;
        let accounts: Result<HashMap<_, _>, _> = rows
            .into_iter()
            .map(|(user, standing, up_to)| {
                let refusal = refusal(&user, &standing, up_to)?;
                Ok::<_, StoreError>((user, refusal))
            })
            .collect();
        let refusals = Refusals {
            sessions: sessions.into_iter().collect(),
            accounts: accounts?,
        };
        Ok((number, refusals))
    }

    async fn apply(&self, events: &[AccountEvent], now: Millis) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        // Changes nothing, but keeps others away until the commit.
        let (applied,): (i64,) = sqlx::query_as(
            "UPDATE account_cursor SET number = number WHERE id = 1 RETURNING number",
        )
        .fetch_one(&mut *transaction)
        .await?;
        for event in events.iter().filter(|event| event.number > applied) {
            apply_one(&mut transaction, event, now).await?;
        }
        let newest = events.last().map_or(0, |event| event.number);
        sqlx::query("UPDATE account_cursor SET number = $1 WHERE id = 1 AND number < $1")
            .bind(newest)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn begin_anew(&self) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        for statement in [
            "UPDATE account_cursor SET number = 0 WHERE id = 1",
            "UPDATE account_standings SET standing = 'active' WHERE standing = 'disabled'",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn forget_expired(&self, now: Millis) -> Result<(), StoreError> {
        for (statement, moment) in [
            ("DELETE FROM revoked_sessions WHERE until <= $1", now),
            (
                "DELETE FROM account_standings WHERE standing = 'active' AND refused_up_to <= $1",
                last_refusable(now),
            ),
        ] {
            sqlx::query(statement)
                .bind(moment)
                .execute(&self.database.pool)
                .await?;
        }
        Ok(())
    }

    async fn due_erasures(&self, now: Millis) -> Result<Vec<UserId>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT user_id FROM erasures WHERE due_at <= $1 ORDER BY due_at, user_id LIMIT $2",
        )
        .bind(now)
        .bind(USERS)
        .fetch_all(&self.database.pool)
        .await?;
        Ok(rows.into_iter().map(|(user,)| UserId(user)).collect())
    }

    async fn erase_some(&self, user: &UserId) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        sqlx::query(
            "INSERT INTO erased_bases (knowledge_base_id, user_id) \
             SELECT k.id, e.user_id FROM erasures e JOIN knowledge_bases k \
             ON k.owner_id = e.user_id \
             WHERE e.user_id = $1 ON CONFLICT DO NOTHING",
        )
        .bind(&user.0)
        .execute(&mut *transaction)
        .await?;
        for statement in [
            "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations \
             WHERE owner_id = $1 ORDER BY id LIMIT $2)",
            "DELETE FROM documents WHERE id IN (SELECT d.id FROM documents d \
             JOIN erased_bases e ON e.knowledge_base_id = d.knowledge_base_id \
             WHERE e.user_id = $1 ORDER BY d.id LIMIT $2)",
        ] {
            let erased = sqlx::query(statement)
                .bind(&user.0)
                .bind(STEP)
                .execute(&mut *transaction)
                .await?;
            if erased.rows_affected() > 0 {
                transaction.commit().await?;
                return Ok(true);
            }
        }
        for statement in [
            "DELETE FROM idempotency_keys WHERE caller = $1",
            "DELETE FROM token_usage WHERE user_id = $1",
            "DELETE FROM knowledge_bases WHERE id IN \
             (SELECT knowledge_base_id FROM erased_bases WHERE user_id = $1)",
            "DELETE FROM knowledge_base_shares WHERE user_id = $1",
            "DELETE FROM owners WHERE user_id = $1",
        ] {
            sqlx::query(statement)
                .bind(&user.0)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(false)
    }

    async fn erased_bases(&self, user: &UserId) -> Result<Vec<KnowledgeBaseId>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT knowledge_base_id FROM erased_bases WHERE user_id = $1")
                .bind(&user.0)
                .fetch_all(&self.database.pool)
                .await?;
        Ok(rows.into_iter().map(|(id,)| KnowledgeBaseId(id)).collect())
    }

    async fn passed(&self, user: &UserId, now: Millis, next: Millis) -> Result<bool, StoreError> {
        let ended =
            sqlx::query("DELETE FROM erasures WHERE user_id = $1 AND passes > 0 AND due_at <= $2")
                .bind(&user.0)
                .bind(now)
                .execute(&self.database.pool)
                .await?;
        if ended.rows_affected() > 0 {
            return Ok(true);
        }
        sqlx::query("UPDATE erasures SET passes = passes + 1, due_at = $1 WHERE user_id = $2 AND due_at <= $3")
            .bind(next)
            .bind(&user.0)
            .bind(now)
            .execute(&self.database.pool)
            .await?;
        Ok(false)
    }
}

fn refusal(user: &str, standing: &str, up_to: Millis) -> Result<Refusal, StoreError> {
    let standing = Standing::from_word(standing).ok_or_else(|| impossible(user, standing))?;
    Ok(Refusal { standing, up_to })
}

async fn apply_one(
    transaction: &mut Transaction<'static, Any>,
    event: &AccountEvent,
    now: Millis,
) -> Result<(), StoreError> {
    match &event.happening {
        Happening::Unknown => {}
        Happening::SessionRevoked { session, until } => {
            sqlx::query(
                "INSERT INTO revoked_sessions (session_id, until) VALUES ($1, $2) \
                 ON CONFLICT (session_id) DO UPDATE SET until = excluded.until",
            )
            .bind(session)
            .bind(until)
            .execute(&mut **transaction)
            .await?;
        }
        happening => {
            refuse(transaction, event).await?;
            if *happening == Happening::Deleted {
                sqlx::query(
                    "INSERT INTO erasures (user_id, passes, due_at) VALUES ($1, 0, $2) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(&event.user.0)
                .bind(now)
                .execute(&mut **transaction)
                .await?;
            }
        }
    }
    Ok(())
}

async fn refuse(
    transaction: &mut Transaction<'static, Any>,
    event: &AccountEvent,
) -> Result<(), StoreError> {
    let known: Option<(String, i64)> =
        sqlx::query_as("SELECT standing, refused_up_to FROM account_standings WHERE user_id = $1")
            .bind(&event.user.0)
            .fetch_optional(&mut **transaction)
            .await?;
    let known = known.map(|(standing, up_to)| refusal(&event.user.0, &standing, up_to));
    let after = known
        .transpose()?
        .unwrap_or_default()
        .after(&event.happening, event.at);
    sqlx::query(
        "INSERT INTO account_standings (user_id, standing, refused_up_to) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET standing = excluded.standing, \
         refused_up_to = excluded.refused_up_to",
    )
    .bind(&event.user.0)
    .bind(after.standing.as_str())
    .bind(after.up_to)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
