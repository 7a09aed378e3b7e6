-- erase_person() finds and deletes a person's rows.
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON refresh_tokens TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON refresh_tokens TO novara_eraser;
