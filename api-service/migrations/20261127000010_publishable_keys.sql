-- Keys that pages of others show for their visitors. They are not secret.

CREATE TABLE publishable_keys (
    id                 TEXT NOT NULL PRIMARY KEY,
    key                TEXT NOT NULL UNIQUE,
    name               TEXT NOT NULL,
    knowledge_base_id  TEXT NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    -- With a space before and after each.
    origins            TEXT NOT NULL,
    per_minute         BIGINT NOT NULL,
    per_day            BIGINT NOT NULL,
    enabled            BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_at         BIGINT NOT NULL,
    -- The last day, since 1970-01-01, on which somebody asked, and how often.
    day                BIGINT NOT NULL,
    asked              BIGINT NOT NULL
);
CREATE INDEX publishable_keys_by_base ON publishable_keys (knowledge_base_id);
