-- Answers while they are made, what became of them, and what their readers
-- thought of them.

-- What an edited question or another answer has replaced is shown no more.
ALTER TABLE messages ADD COLUMN replaced BIGINT NOT NULL DEFAULT 0;
-- How an answer was made; empty for questions.
ALTER TABLE messages ADD COLUMN kind TEXT NOT NULL DEFAULT '';
-- Why an answer ended before its end; empty where it did not.
ALTER TABLE messages ADD COLUMN broken TEXT NOT NULL DEFAULT '';
-- The language model, and what it used; empty where none wrote the answer.
ALTER TABLE messages ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN prompt_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN completion_tokens BIGINT NOT NULL DEFAULT 0;
UPDATE messages SET kind = 'generated' WHERE role = 'assistant';
UPDATE messages SET broken = 'stopped' WHERE complete = 0;

-- An answer is known here from its question until its events are forgotten.
CREATE TABLE answers (
    message_id       TEXT PRIMARY KEY,
    conversation_id  TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question_id      TEXT NOT NULL,
    over             BIGINT NOT NULL,
    stop_asked       BIGINT NOT NULL,
    -- When its maker was last heard of, and when another process last told it.
    alive_at         BIGINT NOT NULL,
    listened_at      BIGINT NOT NULL
);
CREATE INDEX answers_by_conversation ON answers (conversation_id, over);
CREATE INDEX answers_by_age ON answers (over, alive_at);

-- Its events, some to a row: a JSON list of those from number `first` to `last`.
CREATE TABLE answer_events (
    message_id  TEXT NOT NULL REFERENCES answers (message_id) ON DELETE CASCADE,
    first       BIGINT NOT NULL,
    last        BIGINT NOT NULL,
    events      TEXT NOT NULL,
    PRIMARY KEY (message_id, first)
);

CREATE TABLE message_feedback (
    message_id  TEXT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    rating      TEXT NOT NULL CHECK (rating IN ('up', 'down')),
    reason      TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);
