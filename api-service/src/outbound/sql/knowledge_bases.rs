//! Knowledge bases.

use service_kit::clock::Millis;

use super::{IN_SCOPE, SqlStore, accounts::OWNER_IS_THERE, impossible, sql};
use crate::{
    app::ports::{StoreError, WantedBase},
    domain::{
        knowledge_base::{KnowledgeBase, KnowledgeBaseId, Visibility},
        principal::Scope,
    },
};

type Row = (String, String, String, String, Millis);

fn from_row((id, name, visibility, owner, created_at): Row) -> Result<KnowledgeBase, StoreError> {
    let visibility =
        Visibility::from_word(&visibility).ok_or_else(|| impossible(&id, &visibility))?;
    Ok(KnowledgeBase {
        id: KnowledgeBaseId(id),
        name,
        visibility,
        owner,
        created_at,
    })
}

impl SqlStore {
    pub(super) async fn bases_in(&self, scope: &Scope) -> Result<Vec<KnowledgeBase>, StoreError> {
        let query = format!(
            "SELECT k.id, k.name, k.visibility, k.owner_id, k.created_at \
             FROM knowledge_bases k WHERE {IN_SCOPE} ORDER BY k.name, k.id"
        );
        let rows: Vec<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .fetch_all(&self.database.pool)
            .await?;
        rows.into_iter().map(from_row).collect()
    }

    pub(super) async fn base_or_new(
        &self,
        wanted: WantedBase,
    ) -> Result<Option<KnowledgeBase>, StoreError> {
        let query = format!(
            "INSERT INTO knowledge_bases (owner_id, id, name, visibility, created_at) \
             SELECT $1, $2, $3, $4, $5 WHERE {OWNER_IS_THERE} \
             ON CONFLICT (owner_id, name) DO NOTHING"
        );
        sqlx::query(sql(query))
            .bind(&wanted.owner)
            .bind(&wanted.id.0)
            .bind(&wanted.name)
            .bind(wanted.visibility.as_str())
            .bind(wanted.created_at)
            .execute(&self.database.pool)
            .await?;
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, name, visibility, owner_id, created_at FROM knowledge_bases \
             WHERE owner_id = $1 AND name = $2",
        )
        .bind(&wanted.owner)
        .bind(&wanted.name)
        .fetch_optional(&self.database.pool)
        .await?;
        row.map(from_row).transpose()
    }
}
