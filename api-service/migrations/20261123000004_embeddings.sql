-- Embeddings apart from chunks: while documents are embedded by another model,
-- a chunk has one of each, and questions are embedded by the active model.

CREATE TABLE embedding_models (
    -- What vectors depend on; those of one fingerprint are comparable.
    fingerprint  TEXT PRIMARY KEY,
    -- How many values a vector has; 0 where that is not known.
    dimensions   BIGINT NOT NULL,
    -- 'active' for the one that answers come from, 'building' while documents
    -- are embedded by it, 'kept' for one that was active before.
    state        TEXT NOT NULL CHECK (state IN ('active', 'building', 'kept')),
    -- What it takes to ask it again, without the key; empty for the local one.
    provider     TEXT NOT NULL,
    base_url     TEXT NOT NULL,
    model        TEXT NOT NULL,
    -- The process that embeds documents by it, and until when that holds
    -- without a sign of life.
    worker       TEXT NOT NULL,
    lease_until  BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL
);

CREATE TABLE embeddings (
    chunk_id   TEXT NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    model      TEXT NOT NULL,
    -- Little-endian f32 values.
    embedding  BYTEA NOT NULL,
    PRIMARY KEY (chunk_id, model)
);

INSERT INTO embeddings (chunk_id, model, embedding)
SELECT id, model, embedding FROM chunks;

-- There was one model, or one that took the place of another document by
-- document: the one that most chunks have is the one to answer from.
INSERT INTO embedding_models
SELECT model, MAX(LENGTH(embedding)) / 4, 'active', '', '', '', '', 0, 0
FROM chunks GROUP BY model ORDER BY COUNT(*) DESC LIMIT 1;

ALTER TABLE chunks DROP COLUMN embedding;
ALTER TABLE chunks DROP COLUMN model;
