-- erase_person() finds and deletes a person's rows.
ALTER TABLE document_actions ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON document_actions TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON document_actions TO novara_eraser;
