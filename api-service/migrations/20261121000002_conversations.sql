-- What was asked and answered. A conversation is seen by its owner alone.

CREATE TABLE conversations (
    id          TEXT PRIMARY KEY,
    owner_id    TEXT NOT NULL,
    title       TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX conversations_by_owner ON conversations (owner_id, updated_at);

CREATE TABLE messages (
    id               TEXT PRIMARY KEY,
    conversation_id  TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role             TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content          TEXT NOT NULL,
    -- Whether the answer came to its end.
    complete         BIGINT NOT NULL,
    created_at       BIGINT NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id, created_at, id);

-- The sources of an answer, as they stood when it was given: a document that
-- changes or goes does not change what was cited.
CREATE TABLE message_sources (
    message_id   TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    chunk_id     TEXT NOT NULL,
    document_id  TEXT NOT NULL,
    title        TEXT NOT NULL,
    path         TEXT NOT NULL,
    heading      TEXT NOT NULL,
    text         TEXT NOT NULL,
    span_start   BIGINT NOT NULL,
    span_end     BIGINT NOT NULL,
    score        DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (message_id, number)
);
