-- The documents alone that a question was put to, their ids parted by blanks;
-- empty for all.
ALTER TABLE messages ADD COLUMN documents TEXT NOT NULL DEFAULT '';
