-- erase_person() finds and deletes a person's rows.
ALTER TABLE user_medications ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON user_medications TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON user_medications TO novara_eraser;
