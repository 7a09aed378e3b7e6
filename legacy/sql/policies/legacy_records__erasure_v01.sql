-- erase_person() finds and deletes a person's rows.
ALTER TABLE legacy_records ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON legacy_records TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON legacy_records TO novara_eraser;
