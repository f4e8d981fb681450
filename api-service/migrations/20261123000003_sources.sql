-- Sources: pages and files that documents are taken from again and again. What
-- they bring are documents whose origin is 'source' and whose external id is the
-- address of a page.

CREATE TABLE sources (
    id                 TEXT PRIMARY KEY,
    knowledge_base_id  TEXT NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    kind               TEXT NOT NULL CHECK (kind IN ('urls', 'sitemap', 'git')),
    -- One a line each.
    addresses          TEXT NOT NULL,
    include            TEXT NOT NULL,
    exclude            TEXT NOT NULL,
    -- 0 for by hand.
    every_seconds      BIGINT NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('idle', 'syncing', 'failed')),
    -- The greatest number where no sync is due.
    due_at             BIGINT NOT NULL,
    -- Who syncs it, and until when that holds without a sign of life.
    worker             TEXT NOT NULL,
    lease_until        BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    -- The last sync: 0 where it never began or has not ended.
    started_at         BIGINT NOT NULL,
    finished_at        BIGINT NOT NULL,
    created            BIGINT NOT NULL,
    updated            BIGINT NOT NULL,
    unchanged          BIGINT NOT NULL,
    removed            BIGINT NOT NULL,
    refused            BIGINT NOT NULL,
    error_code         TEXT NOT NULL,
    error_detail       TEXT NOT NULL
);
CREATE INDEX sources_by_base ON sources (knowledge_base_id);
CREATE INDEX sources_by_due ON sources (due_at);

-- What a source brings, and what tells whether it changed.
CREATE TABLE source_pages (
    source_id      TEXT NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    address        TEXT NOT NULL,
    etag           TEXT NOT NULL,
    last_modified  TEXT NOT NULL,
    lastmod        TEXT NOT NULL,
    PRIMARY KEY (source_id, address)
);
CREATE INDEX source_pages_by_address ON source_pages (address);

-- Pages that the last sync did not take in.
CREATE TABLE source_refusals (
    source_id  TEXT NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    number     BIGINT NOT NULL,
    address    TEXT NOT NULL,
    code       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    PRIMARY KEY (source_id, number)
);
