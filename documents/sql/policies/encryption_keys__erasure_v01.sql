-- erase_person() finds and deletes a person's rows.
ALTER TABLE encryption_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON encryption_keys TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON encryption_keys TO novara_eraser;
