-- erase_person() finds and deletes a person's rows.
ALTER TABLE daily_checkins ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON daily_checkins TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON daily_checkins TO novara_eraser;
