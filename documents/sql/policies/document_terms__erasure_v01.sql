-- erase_person() finds and deletes a person's rows.
ALTER TABLE document_terms ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON document_terms TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON document_terms TO novara_eraser;
