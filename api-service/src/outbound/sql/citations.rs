//! What the sentences of kept answers rest on.

use std::ops::Range;

use sqlx::{Any, Transaction};

use super::{SqlStore, bigint, insert_all, size};
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
    let citations: Vec<(i64, &Passage, &Citation)> = (0..)
        .zip(&evidence.citations)
        .filter_map(|(ordinal, citation)| {
            let source = sources.get(citation.number.checked_sub(1)?)?;
            Some((ordinal, source, citation))
        })
        .collect();
    let into = "message_citations (message_id, ordinal, number, chunk_id, document_id, \
        sentence_start, sentence_end, span_start, span_end, quote, support, supported)";
    insert_all(
        transaction,
        into,
        12,
        &citations,
        |row, (ordinal, source, citation)| {
            row.bind(message)
                .bind(ordinal)
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
        },
    )
    .await?;
    let into = "message_unsupported (message_id, sentence_start, sentence_end)";
    insert_all(
        transaction,
        into,
        3,
        &evidence.unsupported,
        |row, sentence| {
            row.bind(message)
                .bind(bigint(sentence.start))
                .bind(bigint(sentence.end))
        },
    )
    .await
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
