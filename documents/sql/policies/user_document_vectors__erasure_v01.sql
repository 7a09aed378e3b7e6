-- erase_person() finds and deletes a person's rows.
ALTER TABLE user_document_vectors ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON user_document_vectors TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON user_document_vectors TO novara_eraser;
