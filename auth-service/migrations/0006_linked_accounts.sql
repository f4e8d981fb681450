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
