//! The tokens that language models used.

use async_trait::async_trait;
use sqlx::{Any, Transaction};

use super::{SqlStore, accounts::OWNER_IS_THERE, sql};
use crate::{
    app::ports::{Settled, StoreError, TokenStore},
    domain::{
        answer::TokenUsage,
        principal::Scope,
        token_budget::{Day, Spent},
    },
};

type Row = (i64, i64, i64, i64);

#[async_trait]
impl TokenStore for SqlStore {
    async fn reserve_tokens(
        &self,
        scope: &Scope,
        day: Day,
        tokens: u64,
        limit: u64,
    ) -> Result<Option<Spent>, StoreError> {
        // One statement: of those who ask at the same time, each sees the others.
        let query = format!(
            "INSERT INTO token_usage (user_id, day, prompt, completion, reserved, answers) \
             SELECT $1, $2, 0, 0, $3, 0 WHERE {OWNER_IS_THERE} \
             ON CONFLICT (user_id, day) DO UPDATE \
             SET reserved = token_usage.reserved + excluded.reserved \
             WHERE token_usage.prompt + token_usage.completion + token_usage.reserved < $4 \
             RETURNING prompt, completion, reserved, answers"
        );
        let mut transaction = self.database.begin_delayed().await?;
        let row: Option<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(day.0)
            .bind(counted(tokens))
            .bind(counted(limit))
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(row.map(spent))
    }

    async fn settle_tokens(&self, scope: &Scope, settled: Settled) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_delayed().await?;
        settle(&mut transaction, scope, settled).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn spent_tokens(&self, scope: &Scope, day: Day) -> Result<Spent, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT prompt, completion, reserved, answers FROM token_usage \
             WHERE user_id = $1 AND day = $2",
        )
        .bind(scope.owner())
        .bind(day.0)
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(spent).unwrap_or_default())
    }

    async fn forget_tokens(&self, before: Day) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM token_usage WHERE day < $1")
            .bind(before.0)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }
}

pub(super) async fn settle(
    transaction: &mut Transaction<'static, Any>,
    scope: &Scope,
    settled: Settled,
) -> Result<(), StoreError> {
    let answers = i64::from(settled.used.total() > 0);
    let query = format!(
        "INSERT INTO token_usage (user_id, day, prompt, completion, reserved, answers) \
         SELECT $1, $2, $3, $4, 0, $5 WHERE {OWNER_IS_THERE} \
         ON CONFLICT (user_id, day) DO UPDATE \
         SET prompt = token_usage.prompt + excluded.prompt, \
         completion = token_usage.completion + excluded.completion, \
         answers = token_usage.answers + excluded.answers, \
         reserved = token_usage.reserved - $6"
    );
    sqlx::query(sql(query))
        .bind(scope.owner())
        .bind(settled.day.0)
        .bind(counted(settled.used.prompt))
        .bind(counted(settled.used.completion))
        .bind(answers)
        .bind(counted(settled.reserved))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn spent((prompt, completion, reserved, answers): Row) -> Spent {
    let count = |number| u64::try_from(number).unwrap_or_default();
    Spent {
        used: TokenUsage {
            prompt: count(prompt),
            completion: count(completion),
        },
        reserved: count(reserved),
        answers: count(answers),
    }
}

/// What a provider tells is not believed beyond what can be added up.
pub(super) fn counted(tokens: u64) -> i64 {
    i64::from(u32::try_from(tokens).unwrap_or(u32::MAX))
}
