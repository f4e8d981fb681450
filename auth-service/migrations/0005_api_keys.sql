-- A program's key to an account, of which only the SHA-256 is kept. It acts as a
-- session of its own, whose id is made anew whenever the key loses a right.

CREATE TABLE api_keys (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_hash      TEXT   NOT NULL,
    session_id    TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    name          TEXT,
    prefix        TEXT   NOT NULL,
    start         TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    enabled       BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    rate_max      BIGINT,
    rate_window   BIGINT,
    request_count BIGINT NOT NULL,
    last_used_at  BIGINT,
    expires_at    BIGINT,
    metadata      TEXT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at);
