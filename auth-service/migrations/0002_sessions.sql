-- Accounts may lack a password (they came through Google or GitHub) and carry
-- a user name and a profile. SQLite can't drop NOT NULL, so the table is made
-- anew on both engines.

ALTER TABLE users RENAME TO users_0001;

CREATE TABLE users (
    id             TEXT   NOT NULL PRIMARY KEY,
    email          TEXT   NOT NULL,
    username       TEXT,
    name           TEXT   NOT NULL,
    password_hash  TEXT,
    role           TEXT   NOT NULL CHECK (role IN ('admin', 'user')),
    email_verified BIGINT NOT NULL CHECK (email_verified IN (0, 1)),
    image          TEXT,
    profile        TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    disabled_at    BIGINT
);

INSERT INTO users (id, email, username, name, password_hash, role, email_verified, image, profile,
                   created_at, updated_at, disabled_at)
SELECT id, email, NULL, name, password_hash, role, 0, NULL, '{}', created_at, updated_at, disabled_at
FROM users_0001;

DROP TABLE users_0001;

CREATE UNIQUE INDEX users_by_email ON users (email);
CREATE UNIQUE INDEX users_by_username ON users (username);

-- A session is named by a token of which only the SHA-256 is kept.
CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash   TEXT   NOT NULL,
    remember     BIGINT NOT NULL CHECK (remember IN (0, 1)),
    created_at   BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    ip           TEXT,
    user_agent   TEXT
);

CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Refresh tokens belong to a session: their family. A used one stays until the
-- session ends, so that its reuse is noticed.
CREATE TABLE refresh_tokens (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- What a mail's link or an OAuth flow carries, good for one use.
CREATE TABLE one_time_tokens (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    purpose    TEXT   NOT NULL,
    user_id    TEXT   REFERENCES users (id) ON DELETE CASCADE,
    payload    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- Who did what to whom. Rows outlive the accounts they name.
CREATE TABLE audit_log (
    id     TEXT   NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    act    TEXT   NOT NULL,
    actor  TEXT,
    target TEXT,
    ip     TEXT,
    detail TEXT
);

CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_target ON audit_log (target, at);

-- What other services must learn, in the order in which it was committed: the
-- row of the counter is locked by each writer until its commit, so no number
-- appears before a smaller one.
CREATE TABLE account_events (
    number     BIGINT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    session_id TEXT
);

CREATE INDEX account_events_by_time ON account_events (at);

CREATE TABLE account_event_counter (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
);

INSERT INTO account_event_counter (id, last) VALUES (1, 0);
