-- erase_person() finds and deletes a person's rows.
ALTER TABLE feature_flag_evaluations ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON feature_flag_evaluations TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON feature_flag_evaluations TO novara_eraser;
