//! Knowledge bases, and with whom they are shared.

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{
    IN_SCOPE, SqlStore, accounts::OWNER_IS_THERE, bigint, embeddings::outdate, impossible, size,
    sql,
};
use crate::{
    app::ports::{BaseChange, KnowledgeBaseStore, Refused, StoreError, WantedBase},
    domain::{
        knowledge_base::{
            KnowledgeBase, KnowledgeBaseId, MAX_OWNED, MAX_SHARES, Share, ShareRole, Visibility,
        },
        language::Language,
        principal::{Scope, UserId},
        quota::Quota,
    },
};

/// A knowledge base as the owner of the scope, `$1`, sees it.
const SEEN: &str = "SELECT k.id, k.name, k.visibility, k.owner_id, COALESCE(s.role, ''), \
    k.language, k.created_at FROM knowledge_bases k LEFT JOIN knowledge_base_shares s \
    ON s.knowledge_base_id = k.id AND s.user_id = $1";

type Row = (String, String, String, String, String, String, Millis);
pub(super) type Write = Transaction<'static, Any>;

fn from_row(row: Row) -> Result<KnowledgeBase, StoreError> {
    let (id, name, visibility, owner, role, language, created_at) = row;
    let visibility =
        Visibility::from_word(&visibility).ok_or_else(|| impossible(&id, &visibility))?;
    Ok(KnowledgeBase {
        id: KnowledgeBaseId(id),
        name,
        visibility,
        owner,
        share: ShareRole::from_word(&role),
        language: Language::from_code(&language),
        created_at,
    })
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) if error.is_unique_violation() => Self::NameTaken,
            error => Self::Store(error.into()),
        }
    }
}

impl SqlStore {
    pub(super) async fn bases_in(&self, scope: &Scope) -> Result<Vec<KnowledgeBase>, StoreError> {
        let query = format!("{SEEN} WHERE {IN_SCOPE} ORDER BY k.name, k.id");
        let rows: Vec<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .fetch_all(&self.database.pool)
            .await?;
        rows.into_iter().map(from_row).collect()
    }

    pub(super) async fn base_or_new(
        &self,
        scope: &Scope,
        wanted: WantedBase,
    ) -> Result<KnowledgeBase, Refused> {
        if !may_own(scope, &wanted.owner) {
            return Err(Refused::ReadOnly);
        }
        let mut transaction = self.database.begin().await?;
        insert(&mut transaction, &wanted).await?;
        let query = format!("{SEEN} WHERE {IN_SCOPE} AND k.owner_id = $2 AND k.name = $3");
        let row: Option<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&wanted.owner)
            .bind(&wanted.name)
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(from_row(row.ok_or(Refused::NoAccount)?)?)
    }
}

/// Whether knowledge bases of this owner, or of nobody, may be made in `scope`.
fn may_own(scope: &Scope, owner: &str) -> bool {
    if owner.is_empty() {
        scope.manages_public()
    } else {
        owner == scope.owner()
    }
}

/// Makes the knowledge base; `false` where its owner has one of this name, or
/// is gone.
async fn insert(transaction: &mut Write, wanted: &WantedBase) -> Result<bool, sqlx::Error> {
    let query = format!(
        "INSERT INTO knowledge_bases (owner_id, id, name, visibility, language, created_at) \
         SELECT $1, $2, $3, $4, $5, $6 WHERE {OWNER_IS_THERE} \
         ON CONFLICT (owner_id, name) DO NOTHING"
    );
    let inserted = sqlx::query(sql(query))
        .bind(&wanted.owner)
        .bind(&wanted.id.0)
        .bind(&wanted.name)
        .bind(wanted.visibility.as_str())
        .bind(wanted.language.map_or("", Language::code))
        .bind(wanted.created_at)
        .execute(&mut **transaction)
        .await?;
    Ok(inserted.rows_affected() > 0)
}

/// The knowledge base as `scope` has it, locked until the transaction ends, so
/// that what the caller may do holds as long.
async fn locked(
    transaction: &mut Write,
    scope: &Scope,
    id: &KnowledgeBaseId,
) -> Result<KnowledgeBase, Refused> {
    sqlx::query("UPDATE knowledge_bases SET name = name WHERE id = $1")
        .bind(&id.0)
        .execute(&mut **transaction)
        .await?;
    let query = format!("{SEEN} WHERE {IN_SCOPE} AND k.id = $2");
    let row: Option<Row> = sqlx::query_as(sql(query))
        .bind(scope.owner())
        .bind(&id.0)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(from_row(row.ok_or(Refused::Missing)?)?)
}

/// The same, where documents may be put in and deleted in `scope`.
pub(super) async fn writable(
    transaction: &mut Write,
    scope: &Scope,
    id: &KnowledgeBaseId,
) -> Result<KnowledgeBase, Refused> {
    let base = locked(transaction, scope, id).await?;
    if base.writable(scope) {
        Ok(base)
    } else {
        Err(Refused::ReadOnly)
    }
}

/// The same, where it may be managed in `scope`.
pub(super) async fn managed(
    transaction: &mut Write,
    scope: &Scope,
    id: &KnowledgeBaseId,
) -> Result<KnowledgeBase, Refused> {
    let base = locked(transaction, scope, id).await?;
    if base.manageable(scope) {
        Ok(base)
    } else {
        Err(Refused::ReadOnly)
    }
}

/// Locks an owner until the transaction ends: nothing of theirs is added
/// meanwhile by another one that locks them.
async fn lock_owner(transaction: &mut Write, owner: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO owners (user_id) VALUES ($1) \
         ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id",
    )
    .bind(owner)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Refuses what goes beyond the quota of an owner, with what the transaction
/// has added.
pub(super) async fn hold_to(
    quota: Quota,
    transaction: &mut Write,
    owner: &str,
) -> Result<(), Refused> {
    if owner.is_empty() || !quota.is_limited() {
        return Ok(());
    }
    lock_owner(transaction, owner).await?;
    let (documents, bytes): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(v.content)), 0) AS BIGINT) \
         FROM knowledge_bases k JOIN documents d ON d.knowledge_base_id = k.id \
         JOIN document_versions v ON v.document_id = d.id AND v.version = d.newest_version \
         WHERE k.owner_id = $1",
    )
    .bind(owner)
    .fetch_one(&mut **transaction)
    .await?;
    if quota.allows(documents.unsigned_abs(), bytes.unsigned_abs()) {
        Ok(())
    } else {
        Err(Refused::QuotaExceeded)
    }
}

pub(super) async fn count(
    transaction: &mut Write,
    query: &'static str,
    of: &str,
) -> Result<usize, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as(query)
        .bind(of)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(size(count))
}

#[async_trait]
impl KnowledgeBaseStore for SqlStore {
    async fn create(&self, scope: &Scope, wanted: WantedBase) -> Result<KnowledgeBase, Refused> {
        if !may_own(scope, &wanted.owner) {
            return Err(Refused::ReadOnly);
        }
        let mut transaction = self.database.begin().await?;
        lock_owner(&mut transaction, &wanted.owner).await?;
        let owned = "SELECT COUNT(*) FROM knowledge_bases WHERE owner_id = $1";
        if !wanted.owner.is_empty()
            && count(&mut transaction, owned, &wanted.owner).await? >= MAX_OWNED
        {
            return Err(Refused::TooMany);
        }
        if !insert(&mut transaction, &wanted).await? {
            let gone = "SELECT COUNT(*) FROM account_standings \
                        WHERE user_id = $1 AND standing = 'deleted'";
            let is_gone = count(&mut transaction, gone, &wanted.owner).await? > 0;
            return Err(if is_gone {
                Refused::NoAccount
            } else {
                Refused::NameTaken
            });
        }
        let made = locked(&mut transaction, scope, &wanted.id).await?;
        transaction.commit().await?;
        Ok(made)
    }

    async fn change(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        change: &BaseChange,
    ) -> Result<KnowledgeBase, Refused> {
        let mut transaction = self.database.begin().await?;
        let base = managed(&mut transaction, scope, id).await?;
        let visibility = change.visibility.unwrap_or(base.visibility);
        let language = change.language.or(base.language);
        let was_public = base.visibility == Visibility::Public;
        let owner = match visibility {
            Visibility::Public if !scope.manages_public() => return Err(Refused::ReadOnly),
            Visibility::Public => "",
            Visibility::Members | Visibility::Private if was_public => scope.owner(),
            // Nobody would see it any more.
            Visibility::Private if base.owner.is_empty() => scope.owner(),
            Visibility::Members | Visibility::Private => &base.owner,
        };
        sqlx::query(
            "UPDATE knowledge_bases SET name = $1, visibility = $2, owner_id = $3, \
             language = $4 WHERE id = $5",
        )
        .bind(change.name.as_ref().unwrap_or(&base.name))
        .bind(visibility.as_str())
        .bind(owner)
        .bind(language.map_or("", Language::code))
        .bind(&id.0)
        .execute(&mut *transaction)
        .await?;
        if language != base.language {
            outdate(&mut transaction, id).await?;
        }
        if visibility == Visibility::Public {
            sqlx::query("DELETE FROM knowledge_base_shares WHERE knowledge_base_id = $1")
                .bind(&id.0)
                .execute(&mut *transaction)
                .await?;
        }
        let changed = KnowledgeBase {
            name: change.name.clone().unwrap_or(base.name),
            visibility,
            owner: owner.to_owned(),
            language,
            share: base.share.filter(|_| visibility != Visibility::Public),
            ..base
        };
        transaction.commit().await?;
        Ok(changed)
    }

    async fn delete_base(&self, scope: &Scope, id: &KnowledgeBaseId) -> Result<(), Refused> {
        let mut transaction = self.database.begin().await?;
        managed(&mut transaction, scope, id).await?;
        for statement in [
            "INSERT INTO knowledge_base_garbage (knowledge_base_id) VALUES ($1) \
             ON CONFLICT DO NOTHING",
            "DELETE FROM documents WHERE knowledge_base_id = $1",
            "DELETE FROM knowledge_bases WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(&id.0)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn shares(&self, scope: &Scope, id: &KnowledgeBaseId) -> Result<Vec<Share>, Refused> {
        let mut transaction = self.database.begin().await?;
        managed(&mut transaction, scope, id).await?;
        let rows: Vec<(String, String, Millis)> = sqlx::query_as(
            "SELECT user_id, role, created_at FROM knowledge_base_shares \
             WHERE knowledge_base_id = $1 ORDER BY user_id",
        )
        .bind(&id.0)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let shares = rows.into_iter().map(|(user, role, created_at)| {
            let role = ShareRole::from_word(&role).ok_or_else(|| impossible(&user, &role))?;
            let user = UserId(user);
            Ok(Share {
                user,
                role,
                created_at,
            })
        });
        shares.collect()
    }

    async fn share(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        share: &Share,
    ) -> Result<Share, Refused> {
        let mut transaction = self.database.begin().await?;
        managed(&mut transaction, scope, id).await?;
        let query = format!(
            "INSERT INTO knowledge_base_shares (user_id, knowledge_base_id, role, created_at) \
             SELECT $1, $2, $3, $4 WHERE {OWNER_IS_THERE} \
             ON CONFLICT (knowledge_base_id, user_id) DO UPDATE SET role = excluded.role \
             RETURNING created_at"
        );
        let kept: Option<(Millis,)> = sqlx::query_as(sql(query))
            .bind(&share.user.0)
            .bind(&id.0)
            .bind(share.role.as_str())
            .bind(share.created_at)
            .fetch_optional(&mut *transaction)
            .await?;
        let (created_at,) = kept.ok_or(Refused::NoAccount)?;
        let all = "SELECT COUNT(*) FROM knowledge_base_shares WHERE knowledge_base_id = $1";
        if count(&mut transaction, all, &id.0).await? > MAX_SHARES {
            return Err(Refused::TooMany);
        }
        transaction.commit().await?;
        Ok(Share {
            created_at,
            ..share.clone()
        })
    }

    async fn unshare(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        user: &UserId,
    ) -> Result<bool, Refused> {
        let mut transaction = self.database.begin().await?;
        let base = locked(&mut transaction, scope, id).await?;
        let leaves = scope.is_member() && scope.owner() == user.0;
        if !leaves && !base.manageable(scope) {
            return Err(Refused::ReadOnly);
        }
        let ended = sqlx::query(
            "DELETE FROM knowledge_base_shares WHERE knowledge_base_id = $1 AND user_id = $2",
        )
        .bind(&id.0)
        .bind(&user.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ended.rows_affected() > 0)
    }

    async fn garbage_bases(&self) -> Result<Vec<KnowledgeBaseId>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT knowledge_base_id FROM knowledge_base_garbage LIMIT $1")
                .bind(bigint(100))
                .fetch_all(&self.database.pool)
                .await?;
        Ok(rows.into_iter().map(|(id,)| KnowledgeBaseId(id)).collect())
    }

    async fn cleared_base(&self, id: &KnowledgeBaseId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM knowledge_base_garbage WHERE knowledge_base_id = $1")
            .bind(&id.0)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }
}
