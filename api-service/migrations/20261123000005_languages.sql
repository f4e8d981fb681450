-- The language whose words a knowledge base's documents are cut and brought to
-- one form by: a code of ISO 639-1, empty while it is not known.
ALTER TABLE knowledge_bases ADD COLUMN language TEXT NOT NULL DEFAULT '';

-- Knowledge bases whose language has changed: their points are written anew,
-- in the order of the chunks' ids, of which `renewed_upto` is the last one done.
CREATE TABLE outdated_bases (
    knowledge_base_id  TEXT PRIMARY KEY REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    renewed_upto       TEXT NOT NULL
);
