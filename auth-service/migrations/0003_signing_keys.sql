-- Keys follow one another. The unique generation lets one of several replicas
-- that rotate at once through. `sealed` tells whether the private key is
-- encrypted; the rows of earlier versions are not, until the next start.

DROP INDEX signing_keys_one_active;

ALTER TABLE signing_keys RENAME TO signing_keys_0001;

CREATE TABLE signing_keys (
    kid           TEXT   NOT NULL PRIMARY KEY,
    generation    BIGINT NOT NULL,
    private_key   TEXT   NOT NULL,
    sealed        BIGINT NOT NULL CHECK (sealed IN (0, 1)),
    created_at    BIGINT NOT NULL,
    signs_from    BIGINT NOT NULL,
    longest_token BIGINT NOT NULL
);

-- A key of an earlier version signed tokens of seven days, or as long as the
-- service's setting says, which it adds when it starts.
INSERT INTO signing_keys (kid, generation, private_key, sealed, created_at, signs_from, longest_token)
SELECT kid, 1, private_key, 0, created_at, created_at, 604800000
FROM signing_keys_0001 WHERE active = 1;

DROP TABLE signing_keys_0001;

CREATE UNIQUE INDEX signing_keys_by_generation ON signing_keys (generation);
