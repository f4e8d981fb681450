//! Filters of documents, and the tags that they look at.

use std::collections::HashMap;

use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{IN_SCOPE, MOST_PLACEHOLDERS, SqlStore, bigint, placeholders, sql};
use crate::{
    app::ports::StoreError,
    domain::{
        document::{Document, DocumentId},
        filter::DocumentFilter,
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
        tags::Tags,
    },
};

impl SqlStore {
    pub(super) async fn matching_documents(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        filter: &DocumentFilter,
        most: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        if filter.documents.is_empty() {
            return self.some_matching(scope, bases, filter, most).await;
        }
        let mut found = vec![];
        for documents in filter.documents.chunks(MOST_PLACEHOLDERS) {
            let part = DocumentFilter {
                documents: documents.to_vec(),
                ..filter.clone()
            };
            let left = most.saturating_sub(found.len());
            found.extend(self.some_matching(scope, bases, &part, left).await?);
        }
        Ok(found)
    }

    async fn some_matching(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        filter: &DocumentFilter,
        most: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let mut lists = vec![];
        let mut next = 7;
        let mut list = |begin: &str, count: usize, end: &str| {
            if count > 0 {
                lists.push(format!(" AND {begin} ({}){end}", placeholders(next, count)));
                next += count;
            }
        };
        list("k.id IN", bases.len(), "");
        list("d.id IN", filter.documents.len(), "");
        let tags = filter.tags.len();
        let tagged = format!(
            "{tags} = (SELECT COUNT(*) FROM document_tags t WHERE t.document_id = d.id \
             AND t.tag IN"
        );
        list(&tagged, tags, ")");
        let text = format!(
            "SELECT d.id FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND d.live_version > 0 AND SUBSTR(d.path, 1, $2) = $3 \
             AND d.updated_at >= $4 AND d.updated_at < $5{} LIMIT $6",
            lists.concat()
        );
        let prefix = &filter.path_prefix;
        let mut query = sqlx::query_as::<_, (String,)>(sql(text))
            .bind(scope.owner())
            // PostgreSQL counts letters with a number of this size alone.
            .bind(i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX))
            .bind(prefix)
            .bind(filter.from.unwrap_or(Millis::MIN))
            .bind(filter.to.unwrap_or(Millis::MAX))
            .bind(bigint(most));
        for base in bases {
            query = query.bind(&base.0);
        }
        for document in &filter.documents {
            query = query.bind(&document.0);
        }
        for tag in filter.tags.iter() {
            query = query.bind(tag.to_owned());
        }
        let rows = query.fetch_all(&self.database.pool).await?;
        Ok(rows.into_iter().map(|(id,)| DocumentId(id)).collect())
    }

    /// The documents with their tags.
    pub(super) async fn tagged(
        &self,
        mut documents: Vec<Document>,
    ) -> Result<Vec<Document>, StoreError> {
        let mut tags: HashMap<String, Vec<String>> = HashMap::new();
        for some in documents.chunks(MOST_PLACEHOLDERS) {
            let text = format!(
                "SELECT document_id, tag FROM document_tags WHERE document_id IN ({})",
                placeholders(1, some.len())
            );
            let mut query = sqlx::query_as::<_, (String, String)>(sql(text));
            for document in some {
                query = query.bind(&document.id.0);
            }
            for (document, tag) in query.fetch_all(&self.database.pool).await? {
                tags.entry(document).or_default().push(tag);
            }
        }
        for document in &mut documents {
            let tags = tags.remove(&document.id.0).unwrap_or_default();
            document.tags = Tags::default().and(&tags);
        }
        Ok(documents)
    }
}

/// Gives a document these tags and no others.
pub(super) async fn set_tags(
    transaction: &mut Transaction<'static, Any>,
    id: &DocumentId,
    tags: &Tags,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM document_tags WHERE document_id = $1")
        .bind(&id.0)
        .execute(&mut **transaction)
        .await?;
    for tag in tags.iter() {
        sqlx::query("INSERT INTO document_tags (document_id, tag) VALUES ($1, $2)")
            .bind(&id.0)
            .bind(tag.to_owned())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// Tags as a version keeps them: no tag has a line's end in it.
pub(super) fn tag_lines(tags: &Tags) -> String {
    tags.iter().collect::<Vec<_>>().join("\n")
}

/// What [`tag_lines`] made lines of.
pub(super) fn tags_of_lines(lines: &str) -> Tags {
    Tags::default().and(&lines.lines().collect::<Vec<_>>())
}
