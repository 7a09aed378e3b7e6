-- erase_person() finds and deletes a person's rows.
ALTER TABLE user_daily_metrics ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON user_daily_metrics TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON user_daily_metrics TO novara_eraser;
