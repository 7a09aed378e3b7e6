-- erase_person() finds and deletes a person's rows.
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON documents TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON documents TO novara_eraser;
