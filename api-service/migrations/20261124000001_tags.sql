-- The tags that a version came with, each on a line of its own: what is found in
-- its content is not among them.
ALTER TABLE document_versions ADD COLUMN tags TEXT NOT NULL DEFAULT '';

-- The tags of a document as it can be found, or as it came while it can't.
CREATE TABLE document_tags (
    document_id  TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    tag          TEXT NOT NULL,
    PRIMARY KEY (document_id, tag)
);
