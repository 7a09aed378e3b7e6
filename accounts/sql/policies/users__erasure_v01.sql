-- erase_person() finds and deletes a person's rows.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON users TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON users TO novara_eraser;
