-- Documents, their chunks and the jobs that make them, the source of truth:
-- the vector index is derived from these tables and can be rebuilt from them.
-- Ids are UUID text, times are milliseconds since the Unix epoch, UTC.

CREATE TABLE knowledge_bases (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    visibility  TEXT NOT NULL CHECK (visibility IN ('public', 'members', 'private')),
    -- The user's id for a private base, empty for all others.
    owner_id    TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE documents (
    id                 TEXT PRIMARY KEY,
    knowledge_base_id  TEXT NOT NULL REFERENCES knowledge_bases (id),
    -- What its source calls it: a path, a URL. Unique in its base.
    external_id        TEXT NOT NULL,
    title              TEXT NOT NULL,
    path               TEXT NOT NULL,
    -- 'upload' or 'directory'.
    origin             TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    -- The newest version that was taken in, and the one that can be found:
    -- 0 while there is none.
    newest_version     BIGINT NOT NULL,
    live_version       BIGINT NOT NULL,
    UNIQUE (knowledge_base_id, external_id)
);

CREATE TABLE document_versions (
    document_id   TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,
    -- The title that came with it; empty where the content is to tell.
    title         TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    content_hash  TEXT NOT NULL,
    content       BYTEA NOT NULL,
    PRIMARY KEY (document_id, version)
);

CREATE TABLE chunks (
    id             TEXT PRIMARY KEY,
    document_id    TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    version        BIGINT NOT NULL,
    ordinal        BIGINT NOT NULL,
    -- The headings above it, outermost first, joined by ' › '.
    heading        TEXT NOT NULL,
    text           TEXT NOT NULL,
    -- Where it stands in the version's content, in bytes.
    span_start     BIGINT NOT NULL,
    span_end       BIGINT NOT NULL,
    content_hash   TEXT NOT NULL,
    -- Little-endian f32 values, and the fingerprint of the model that made them.
    embedding      BYTEA NOT NULL,
    model          TEXT NOT NULL,
    UNIQUE (document_id, version, ordinal)
);
CREATE INDEX chunks_by_content ON chunks (document_id, content_hash);

CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    document_id  TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    version      BIGINT NOT NULL,
    -- The run of `ingest` that asked for it, empty for uploads.
    run_id       TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN
                 ('queued', 'parsing', 'embedding', 'indexing', 'ready', 'failed', 'cancelled')),
    error_code   TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    chunks       BIGINT NOT NULL,
    -- Who works on it, and until when that holds without a sign of life.
    worker       TEXT NOT NULL,
    lease_until  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX jobs_by_lease ON jobs (state, lease_until);
CREATE INDEX jobs_by_document ON jobs (document_id);
CREATE INDEX jobs_by_run ON jobs (run_id);

-- Points that the vector index still holds for documents or versions that are
-- gone. They are invisible already; this is what is left to clear away.
CREATE TABLE index_garbage (
    document_id   TEXT NOT NULL,
    -- Versions up to and including this one.
    upto_version  BIGINT NOT NULL,
    PRIMARY KEY (document_id, upto_version)
);
