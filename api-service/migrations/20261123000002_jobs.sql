-- Jobs that tell how far they are, that can be cancelled and tried again, that
-- take turns between tenants, and whose lost claims can't write any more.

CREATE TABLE watched_jobs (
    id            TEXT PRIMARY KEY,
    document_id   TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    version       BIGINT NOT NULL,
    -- The run of `ingest` that asked for it, empty for uploads.
    run_id        TEXT NOT NULL,
    -- Whose turn it is: the owner of its knowledge base, or else that base.
    tenant        TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'parsing', 'chunking', 'embedding',
                  'indexing', 'ready', 'failed', 'cancelled')),
    -- Why it failed, in which state, and whether it may go better another time.
    error_code    TEXT NOT NULL,
    error_stage   TEXT NOT NULL,
    retryable     BIGINT NOT NULL,
    attempt       BIGINT NOT NULL,
    -- Chunks: all of them, once that is known; those that this attempt has kept;
    -- and those of this version that the model was asked for.
    chunks        BIGINT NOT NULL,
    done          BIGINT NOT NULL,
    embedded      BIGINT NOT NULL,
    -- When it came to its state.
    state_since   BIGINT NOT NULL,
    -- Who works on it, and until when that holds without a sign of life; until
    -- when it waits where nobody does.
    worker        TEXT NOT NULL,
    lease_until   BIGINT NOT NULL,
    -- Raised by every claim and by whatever ends one: a worker writes only with
    -- the number that its claim got.
    fence         BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
INSERT INTO watched_jobs (id, document_id, version, run_id, tenant, state, error_code,
    error_stage, retryable, attempt, chunks, done, embedded, state_since, worker, lease_until,
    fence, created_at, updated_at)
SELECT j.id, j.document_id, j.version, j.run_id,
    CASE WHEN k.owner_id = '' THEN k.id ELSE k.owner_id END, j.state, j.error_code,
    CASE WHEN j.state = 'failed' THEN 'parsing' ELSE '' END,
    CASE WHEN j.error_code IN ('too_many_attempts', 'internal') THEN 1 ELSE 0 END, j.attempt,
    j.chunks, j.chunks, j.chunks, j.updated_at, j.worker, j.lease_until, 0, j.created_at,
    j.updated_at
FROM jobs j JOIN documents d ON d.id = j.document_id
JOIN knowledge_bases k ON k.id = d.knowledge_base_id;
DROP TABLE jobs;
ALTER TABLE watched_jobs RENAME TO jobs;
CREATE INDEX jobs_by_lease ON jobs (state, lease_until);
CREATE INDEX jobs_by_document ON jobs (document_id);
CREATE INDEX jobs_by_run ON jobs (run_id);
CREATE INDEX jobs_by_worker ON jobs (worker);

-- When each tenant with open jobs was last served. The row of nobody counts
-- the claims; whoever claims locks it, so that claims come one after another.
CREATE TABLE queue_turns (
    tenant  TEXT PRIMARY KEY,
    turn    BIGINT NOT NULL
);
INSERT INTO queue_turns (tenant, turn) VALUES ('', 0);

-- Keys by which a caller's request that is sent again is known, for a day.
CREATE TABLE idempotency_keys (
    caller        TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash  TEXT NOT NULL,
    document_id   TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
