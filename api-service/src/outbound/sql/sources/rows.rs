//! Sources as rows.

use sqlx::{Row, any::AnyRow};

use super::NEVER;
use crate::{
    app::ports::StoreError,
    domain::{
        knowledge_base::KnowledgeBaseId,
        source::{
            RefusedPage, Source, SourceId, SourceKind, SourceSettings, SourceState, SourceSync,
            SyncFailure, SyncReport,
        },
    },
    outbound::sql::{SqlStore, impossible, size},
};

/// Sources with the names of their knowledge bases.
pub(super) const SEEN: &str = "SELECT s.id, s.knowledge_base_id, k.name, s.kind, s.addresses, \
    s.include, s.exclude, s.every_seconds, s.state, s.due_at, s.created_at, s.started_at, \
    s.finished_at, s.created, s.updated, s.unchanged, s.removed, s.refused, s.error_code, \
    s.error_detail FROM sources s JOIN knowledge_bases k ON k.id = s.knowledge_base_id";

/// A list as it is kept: none of its texts has a line break.
pub(super) fn lines(list: &[String]) -> String {
    list.join("\n")
}

fn list(lines: &str) -> Vec<String> {
    lines.lines().map(str::to_owned).collect()
}

/// A source without its refusals.
pub(super) fn from_row(row: &AnyRow) -> Result<Source, StoreError> {
    let id: String = row.try_get("id")?;
    let state: String = row.try_get("state")?;
    let state = SourceState::from_word(&state).ok_or_else(|| impossible(&id, &state))?;
    let due_at: i64 = row.try_get("due_at")?;
    Ok(Source {
        knowledge_base_id: KnowledgeBaseId(row.try_get("knowledge_base_id")?),
        knowledge_base: row.try_get("name")?,
        settings: settings(row)?,
        state,
        next_sync_at: Some(due_at).filter(|due| *due != NEVER),
        last_sync: last_sync(row)?,
        created_at: row.try_get("created_at")?,
        id: SourceId(id),
    })
}

pub(super) fn settings(row: &AnyRow) -> Result<SourceSettings, StoreError> {
    let id: String = row.try_get("id")?;
    let kind: String = row.try_get("kind")?;
    Ok(SourceSettings {
        kind: SourceKind::from_word(&kind).ok_or_else(|| impossible(&id, &kind))?,
        addresses: list(row.try_get("addresses")?),
        include: list(row.try_get("include")?),
        exclude: list(row.try_get("exclude")?),
        every_seconds: row.try_get("every_seconds")?,
    })
}

fn last_sync(row: &AnyRow) -> Result<Option<SourceSync>, StoreError> {
    let started_at: i64 = row.try_get("started_at")?;
    if started_at == 0 {
        return Ok(None);
    }
    let finished_at: i64 = row.try_get("finished_at")?;
    let count = |column| row.try_get(column).map(size);
    let code: String = row.try_get("error_code")?;
    let detail = row.try_get("error_detail")?;
    Ok(Some(SourceSync {
        started_at,
        finished_at: Some(finished_at).filter(|finished| *finished != 0),
        report: SyncReport {
            created: count("created")?,
            updated: count("updated")?,
            unchanged: count("unchanged")?,
            removed: count("removed")?,
            refused_count: count("refused")?,
            refused: vec![],
        },
        failure: (!code.is_empty()).then_some(SyncFailure { code, detail }),
    }))
}

impl SqlStore {
    pub(super) async fn with_refusals(&self, mut source: Source) -> Result<Source, StoreError> {
        let Some(sync) = &mut source.last_sync else {
            return Ok(source);
        };
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT address, code, detail FROM source_refusals WHERE source_id = $1 \
             ORDER BY number",
        )
        .bind(&source.id.0)
        .fetch_all(&self.database.pool)
        .await?;
        let refused = rows.into_iter().map(|(address, code, detail)| RefusedPage {
            address,
            code,
            detail,
        });
        sync.report.refused = refused.collect();
        Ok(source)
    }
}
