-- Accounts of providers that sign in to ours. Their tokens are encrypted, each
-- for its own row and column.

CREATE TABLE linked_accounts (
    id                       TEXT   NOT NULL PRIMARY KEY,
    user_id                  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider                 TEXT   NOT NULL,
    provider_account_id      TEXT   NOT NULL,
    access_token             TEXT,
    refresh_token            TEXT,
    id_token                 TEXT,
    access_token_expires_at  BIGINT,
    refresh_token_expires_at BIGINT,
    scopes                   TEXT   NOT NULL,
    created_at               BIGINT NOT NULL,
    updated_at               BIGINT NOT NULL
);

CREATE UNIQUE INDEX linked_accounts_by_provider ON linked_accounts (provider, provider_account_id);
CREATE INDEX linked_accounts_by_user ON linked_accounts (user_id);

-- Browsers on their way to a provider and back, each by the SHA-256 of its
-- state. What they want is encrypted: the verifier of a code is a secret.
CREATE TABLE oauth_flows (
    state_hash TEXT   NOT NULL PRIMARY KEY,
    flow       TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX oauth_flows_by_expiry ON oauth_flows (expires_at);
