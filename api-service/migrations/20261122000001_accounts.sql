-- What follows from the events of accounts, as auth-service tells them.

-- The number of the last event that was applied.
CREATE TABLE account_cursor (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    number  BIGINT NOT NULL
);
INSERT INTO account_cursor (id, number) VALUES (1, 0);

-- Sessions whose tokens are refused, and when the last of these has expired.
CREATE TABLE revoked_sessions (
    session_id  TEXT NOT NULL PRIMARY KEY,
    until       BIGINT NOT NULL
);
CREATE INDEX revoked_sessions_by_end ON revoked_sessions (until);

-- Accounts whose tokens are refused: those issued up to a moment, or all.
CREATE TABLE account_standings (
    user_id         TEXT NOT NULL PRIMARY KEY,
    standing        TEXT NOT NULL CHECK (standing IN ('active', 'disabled', 'deleted')),
    refused_up_to   BIGINT NOT NULL
);

-- Deleted users whose things are still to be erased. A second pass looks for
-- what was under way during the first one.
CREATE TABLE erasures (
    user_id  TEXT NOT NULL PRIMARY KEY,
    passes   BIGINT NOT NULL,
    due_at   BIGINT NOT NULL
);

-- The knowledge bases that an erasure removes, whose points the index may hold.
CREATE TABLE erased_bases (
    knowledge_base_id  TEXT NOT NULL PRIMARY KEY,
    user_id            TEXT NOT NULL REFERENCES erasures (user_id) ON DELETE CASCADE
);
