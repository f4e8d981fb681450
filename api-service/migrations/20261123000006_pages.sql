-- The page that a chunk begins on, from 1; 0 where its document has no pages.
ALTER TABLE chunks ADD COLUMN page BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message_sources ADD COLUMN page BIGINT NOT NULL DEFAULT 0;
