-- What language models used for a user, a UTC day at a time.

CREATE TABLE token_usage (
    user_id     TEXT NOT NULL,
    -- Days since 1970-01-01.
    day         BIGINT NOT NULL,
    prompt      BIGINT NOT NULL,
    completion  BIGINT NOT NULL,
    -- What answers that are under way will use, as far as that can be told.
    reserved    BIGINT NOT NULL,
    -- Answers that a model was asked for.
    answers     BIGINT NOT NULL,
    PRIMARY KEY (user_id, day)
);
CREATE INDEX token_usage_by_day ON token_usage (day);
