-- erase_person() finds and deletes a person's rows.
ALTER TABLE health_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON health_events TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON health_events TO novara_eraser;
