//! Publishable keys.

use std::{collections::BTreeSet, num::NonZeroU32};

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{
    IN_SCOPE, SqlStore, impossible,
    knowledge_bases::{Write, count, managed},
    sql,
};
use crate::{
    app::ports::{PublishableKeyChange, PublishableKeyStore, Refused, StoreError},
    domain::{
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
        publishable_key::{MAX_KEYS, PublishableKey, PublishableKeyId},
        token_budget::Day,
    },
};

const COLUMNS: &str = "p.id, p.key, p.name, p.knowledge_base_id, p.origins, p.per_minute, \
    p.per_day, p.enabled, p.created_at";

type Row = (
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Millis,
);

fn from_row(row: Row) -> Result<PublishableKey, StoreError> {
    let (id, key, name, base, origins, per_minute, per_day, enabled, created_at) = row;
    let times = |number: i64| {
        let times = u32::try_from(number).ok().and_then(NonZeroU32::new);
        times.ok_or_else(|| impossible(&id, &number.to_string()))
    };
    Ok(PublishableKey {
        per_minute: times(per_minute)?,
        per_day: times(per_day)?,
        id: PublishableKeyId(id),
        key,
        name,
        base: KnowledgeBaseId(base),
        origins: origins.split_whitespace().map(str::to_owned).collect(),
        enabled: enabled == 1,
        created_at,
    })
}

/// Origins as they are stored: each between spaces, which none of them has.
fn joined(origins: &[String]) -> String {
    format!(" {} ", origins.join(" "))
}

/// The key with this id, whose knowledge base is locked and may be managed in
/// `scope`.
async fn locked(
    transaction: &mut Write,
    scope: &Scope,
    id: &PublishableKeyId,
) -> Result<PublishableKey, Refused> {
    let base = "SELECT knowledge_base_id FROM publishable_keys WHERE id = $1";
    let base: Option<(String,)> = sqlx::query_as(base)
        .bind(&id.0)
        .fetch_optional(&mut **transaction)
        .await?;
    let (base,) = base.ok_or(Refused::Missing)?;
    match managed(transaction, scope, &KnowledgeBaseId(base)).await {
        // Who does not manage the base is told of none of its keys.
        Err(Refused::ReadOnly) => return Err(Refused::Missing),
        done => done?,
    };
    let query = format!("SELECT {COLUMNS} FROM publishable_keys p WHERE p.id = $1");
    let row: Option<Row> = sqlx::query_as(sql(query))
        .bind(&id.0)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(from_row(row.ok_or(Refused::Missing)?)?)
}

#[async_trait]
impl PublishableKeyStore for SqlStore {
    async fn publish(&self, scope: &Scope, key: &PublishableKey) -> Result<(), Refused> {
        let mut transaction = self.database.begin().await?;
        managed(&mut transaction, scope, &key.base).await?;
        let all = "SELECT COUNT(*) FROM publishable_keys WHERE knowledge_base_id = $1";
        if count(&mut transaction, all, &key.base.0).await? >= MAX_KEYS {
            return Err(Refused::TooMany);
        }
        sqlx::query(
            "INSERT INTO publishable_keys (id, key, name, knowledge_base_id, origins, \
             per_minute, per_day, enabled, created_at, day, asked) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)",
        )
        .bind(&key.id.0)
        .bind(&key.key)
        .bind(&key.name)
        .bind(&key.base.0)
        .bind(joined(&key.origins))
        .bind(i64::from(key.per_minute.get()))
        .bind(i64::from(key.per_day.get()))
        .bind(i64::from(key.enabled))
        .bind(key.created_at)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn published(&self, scope: &Scope) -> Result<Vec<PublishableKey>, StoreError> {
        let bases = self.bases_in(scope).await?.into_iter();
        let managed: BTreeSet<String> = bases
            .filter(|base| base.manageable(scope))
            .map(|base| base.id.0)
            .collect();
        let query = format!(
            "SELECT {COLUMNS} FROM publishable_keys p \
             JOIN knowledge_bases k ON k.id = p.knowledge_base_id \
             WHERE {IN_SCOPE} ORDER BY p.created_at, p.id"
        );
        let rows: Vec<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .fetch_all(&self.database.pool)
            .await?;
        let rows = rows.into_iter();
        rows.filter(|row| managed.contains(&row.3))
            .map(from_row)
            .collect()
    }

    async fn change_published(
        &self,
        scope: &Scope,
        id: &PublishableKeyId,
        change: &PublishableKeyChange,
    ) -> Result<PublishableKey, Refused> {
        let mut transaction = self.database.begin().await?;
        let key = locked(&mut transaction, scope, id).await?;
        let changed = PublishableKey {
            name: change.name.clone().unwrap_or(key.name),
            origins: change.origins.clone().unwrap_or(key.origins),
            per_minute: change.per_minute.unwrap_or(key.per_minute),
            per_day: change.per_day.unwrap_or(key.per_day),
            enabled: change.enabled.unwrap_or(key.enabled),
            ..key
        };
        sqlx::query(
            "UPDATE publishable_keys SET name = $1, origins = $2, per_minute = $3, \
             per_day = $4, enabled = $5 WHERE id = $6",
        )
        .bind(&changed.name)
        .bind(joined(&changed.origins))
        .bind(i64::from(changed.per_minute.get()))
        .bind(i64::from(changed.per_day.get()))
        .bind(i64::from(changed.enabled))
        .bind(&id.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(changed)
    }

    async fn unpublish(&self, scope: &Scope, id: &PublishableKeyId) -> Result<(), Refused> {
        let mut transaction = self.database.begin().await?;
        locked(&mut transaction, scope, id).await?;
        sqlx::query("DELETE FROM publishable_keys WHERE id = $1")
            .bind(&id.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn publishable_key(&self, key: &str) -> Result<Option<PublishableKey>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM publishable_keys p WHERE p.key = $1");
        let row: Option<Row> = sqlx::query_as(sql(query))
            .bind(key)
            .fetch_optional(&self.database.pool)
            .await?;
        row.map(from_row).transpose()
    }

    async fn lists_origin(&self, patterns: &[String]) -> Result<bool, StoreError> {
        if patterns.is_empty() {
            return Ok(false);
        }
        let like = |number| format!("p.origins LIKE ${number}");
        let listed: Vec<String> = (1..=patterns.len()).map(like).collect();
        let query = format!(
            "SELECT p.id FROM publishable_keys p WHERE p.enabled = 1 AND ({}) LIMIT 1",
            listed.join(" OR ")
        );
        let mut found = sqlx::query_as(sql(query));
        for pattern in patterns {
            // No origin has a character that `LIKE` takes for another one.
            found = found.bind(format!("% {pattern} %"));
        }
        let found: Option<(String,)> = found.fetch_optional(&self.database.pool).await?;
        Ok(found.is_some())
    }

    async fn count_use(&self, id: &PublishableKeyId, day: Day) -> Result<bool, StoreError> {
        // One statement: of those who ask at the same time, each sees the others.
        let mut transaction = self.database.begin_delayed().await?;
        let counted = sqlx::query(
            "UPDATE publishable_keys SET asked = CASE WHEN day = $1 THEN asked + 1 ELSE 1 END, \
             day = $1 WHERE id = $2 AND enabled = 1 AND (day <> $1 OR asked < per_day)",
        )
        .bind(day.0)
        .bind(&id.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(counted.rows_affected() > 0)
    }
}
