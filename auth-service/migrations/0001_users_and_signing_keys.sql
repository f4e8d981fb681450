-- One dialect for SQLite and PostgreSQL: TEXT, BIGINT, DOUBLE PRECISION and
-- bytes. Ids are UUIDv7 text, times are milliseconds since the epoch in UTC,
-- booleans are BIGINT 0 or 1.

CREATE TABLE users (
    id            TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('admin', 'user')),
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    disabled_at   BIGINT,
    CONSTRAINT users_email_key UNIQUE (email)
);

-- The private key stands here as it is: whoever reads this table can sign
-- tokens, so the database is to be guarded as a secret is.
CREATE TABLE signing_keys (
    kid         TEXT   NOT NULL PRIMARY KEY,
    private_key TEXT   NOT NULL,
    active      BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at  BIGINT NOT NULL
);

-- At most one key signs, however many replicas start at once.
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (active) WHERE active = 1;
