-- What the sentences of an answer rest on. The source is that of
-- message_sources with the same number, as it stood; the quote stays when the
-- document changes or goes.
CREATE TABLE message_citations (
    message_id      TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    ordinal         BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    chunk_id        TEXT NOT NULL,
    document_id     TEXT NOT NULL,
    -- The sentence, in bytes of the message's content.
    sentence_start  BIGINT NOT NULL,
    sentence_end    BIGINT NOT NULL,
    -- Where the document said it, in bytes of its content.
    span_start      BIGINT NOT NULL,
    span_end        BIGINT NOT NULL,
    quote           TEXT NOT NULL,
    support         DOUBLE PRECISION NOT NULL,
    supported       BIGINT NOT NULL,
    PRIMARY KEY (message_id, ordinal)
);

-- The sentences of an answer that no source supports, in bytes of its content.
CREATE TABLE message_unsupported (
    message_id      TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    sentence_start  BIGINT NOT NULL,
    sentence_end    BIGINT NOT NULL,
    PRIMARY KEY (message_id, sentence_start)
);
