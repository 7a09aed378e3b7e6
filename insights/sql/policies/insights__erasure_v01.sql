-- erase_person() finds and deletes a person's rows.
ALTER TABLE insights ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON insights TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON insights TO novara_eraser;
