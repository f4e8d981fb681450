-- Knowledge bases that are shared with named users.

-- `knowledge_bases.owner_id` is the user who may change, share and delete the
-- base. It is empty for those that administrators alone manage: all public ones.

CREATE TABLE knowledge_base_shares (
    knowledge_base_id  TEXT NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    user_id            TEXT NOT NULL,
    role               TEXT NOT NULL CHECK (role IN ('reader', 'editor')),
    created_at         BIGINT NOT NULL,
    PRIMARY KEY (knowledge_base_id, user_id)
);
CREATE INDEX knowledge_base_shares_by_user ON knowledge_base_shares (user_id);

-- Deleted knowledge bases whose points the vector index may still hold. They
-- are invisible already; this is what is left to clear away.
CREATE TABLE knowledge_base_garbage (
    knowledge_base_id  TEXT NOT NULL PRIMARY KEY
);

-- One row an owner, which is locked while something of theirs is counted and
-- added to: limits hold for callers at once, too.
CREATE TABLE owners (
    user_id  TEXT NOT NULL PRIMARY KEY
);
