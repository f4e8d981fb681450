-- How often something was tried, by what limits count by: a class of routes and
-- a network, or an account and its failed sign-ins. A row changes only from
-- what was read of it, so that replicas share one count.

CREATE TABLE counts (
    key        TEXT   NOT NULL PRIMARY KEY,
    times      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX counts_by_expiry ON counts (expires_at);
