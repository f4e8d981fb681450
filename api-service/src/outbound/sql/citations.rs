//! What the sentences of kept answers rest on.

use std::ops::Range;

use sqlx::{Any, Transaction};

use super::{SqlStore, bigint, size};
use crate::{
    app::ports::StoreError,
    domain::{
        answer::{Citation, Evidence},
        chunk::Passage,
    },
};

type CitationRow = (i64, i64, i64, i64, i64, String, f64, i64);

/// Keeps what the sentences of a message rest on.
pub(super) async fn add_evidence(
    transaction: &mut Transaction<'static, Any>,
    message: &str,
    sources: &[Passage],
    evidence: &Evidence,
) -> Result<(), StoreError> {
    for (ordinal, citation) in evidence.citations.iter().enumerate() {
        let source = citation.number.checked_sub(1);
        if let Some(source) = source.and_then(|index| sources.get(index)) {
            add_citation(transaction, message, ordinal, source, citation).await?;
        }
    }
    for sentence in &evidence.unsupported {
        sqlx::query(
            "INSERT INTO message_unsupported (message_id, sentence_start, sentence_end) \
             VALUES ($1, $2, $3)",
        )
        .bind(message)
        .bind(bigint(sentence.start))
        .bind(bigint(sentence.end))
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

async fn add_citation(
    transaction: &mut Transaction<'static, Any>,
    message: &str,
    ordinal: usize,
    source: &Passage,
    citation: &Citation,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO message_citations (message_id, ordinal, number, chunk_id, document_id, \
         sentence_start, sentence_end, span_start, span_end, quote, support, supported) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(message)
    .bind(bigint(ordinal))
    .bind(bigint(citation.number))
    .bind(&source.chunk_id.0)
    .bind(&source.document_id.0)
    .bind(bigint(citation.sentence.start))
    .bind(bigint(citation.sentence.end))
    .bind(bigint(citation.span.start))
    .bind(bigint(citation.span.end))
    .bind(&citation.quote)
    .bind(citation.support)
    .bind(i64::from(citation.supported))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// What the sentences of a message rest on; whoever reads the message may.
pub(super) async fn evidence_of(store: &SqlStore, message: &str) -> Result<Evidence, StoreError> {
    let rows: Vec<CitationRow> = sqlx::query_as(
        "SELECT number, sentence_start, sentence_end, span_start, span_end, quote, support, \
         supported FROM message_citations WHERE message_id = $1 ORDER BY ordinal",
    )
    .bind(message)
    .fetch_all(&store.database.pool)
    .await?;
    let sentences: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT sentence_start, sentence_end FROM message_unsupported \
         WHERE message_id = $1 ORDER BY sentence_start",
    )
    .bind(message)
    .fetch_all(&store.database.pool)
    .await?;
    let unsupported = sentences.into_iter().map(|(start, end)| span(start, end));
    Ok(Evidence {
        citations: rows.into_iter().map(citation).collect(),
        unsupported: unsupported.collect(),
    })
}

fn citation(row: CitationRow) -> Citation {
    let (number, sentence_start, sentence_end, start, end, quote, support, supported) = row;
    Citation {
        number: size(number),
        sentence: span(sentence_start, sentence_end),
        span: span(start, end),
        quote,
        support,
        supported: supported != 0,
    }
}

fn span(start: i64, end: i64) -> Range<usize> {
    size(start)..size(end)
}
