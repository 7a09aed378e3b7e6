-- erase_person() finds and deletes a person's rows.
ALTER TABLE document_chunks ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON document_chunks TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON document_chunks TO novara_eraser;
