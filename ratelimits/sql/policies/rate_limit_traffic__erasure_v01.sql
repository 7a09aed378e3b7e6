-- erase_person() finds and deletes a person's rows.
ALTER TABLE rate_limit_traffic ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON rate_limit_traffic TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON rate_limit_traffic TO novara_eraser;
