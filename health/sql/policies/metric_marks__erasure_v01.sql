-- erase_person() finds and deletes a person's rows.
ALTER TABLE metric_marks ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON metric_marks TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON metric_marks TO novara_eraser;
