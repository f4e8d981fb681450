-- The log of interactions: what was asked, and how it was answered. A row says
-- nothing of who asked; what they wrote stands apart, and goes with their
-- conversation.

CREATE TABLE interactions (
    -- The answer's id as a message; where it was stopped before a word of it,
    -- there is no such message.
    answer_id          TEXT PRIMARY KEY,
    asked_at           BIGINT NOT NULL,
    kind               TEXT NOT NULL,
    -- Why the answer ended before its end; empty where it did not.
    broken             TEXT NOT NULL,
    -- How many sources it had, the best one's score, how many it cites, and how
    -- many sentences no source supports.
    sources            BIGINT NOT NULL,
    best_score         DOUBLE PRECISION NOT NULL,
    cited              BIGINT NOT NULL,
    unsupported        BIGINT NOT NULL,
    -- Milliseconds; -1 where the question was not rewritten, and where there was
    -- no first word. The last two count from the question.
    rewrite_ms         BIGINT NOT NULL,
    retrieve_ms        BIGINT NOT NULL,
    first_word_ms      BIGINT NOT NULL,
    total_ms           BIGINT NOT NULL,
    -- The language model, and all that was used of it; empty where none wrote
    -- the answer.
    model              TEXT NOT NULL,
    prompt_tokens      BIGINT NOT NULL,
    completion_tokens  BIGINT NOT NULL
);
CREATE INDEX interactions_by_time ON interactions (asked_at);

CREATE TABLE interaction_texts (
    answer_id        TEXT PRIMARY KEY REFERENCES interactions (answer_id) ON DELETE CASCADE,
    conversation_id  TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question         TEXT NOT NULL,
    -- The question as it stands alone; empty where that is the question itself.
    rewritten        TEXT NOT NULL
);
CREATE INDEX interaction_texts_by_conversation ON interaction_texts (conversation_id);

-- The documents that sources were of, and whether one of those was cited. What
-- they are called is known of the documents themselves.
CREATE TABLE interaction_sources (
    answer_id          TEXT NOT NULL REFERENCES interactions (answer_id) ON DELETE CASCADE,
    document_id        TEXT NOT NULL,
    knowledge_base_id  TEXT NOT NULL,
    cited              BIGINT NOT NULL,
    PRIMARY KEY (answer_id, document_id)
);
