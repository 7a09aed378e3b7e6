-- erase_person() finds and deletes a person's rows.
ALTER TABLE legacy_imports ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON legacy_imports TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON legacy_imports TO novara_eraser;
