-- erase_person() finds and deletes a person's rows.
ALTER TABLE time_zone_changes ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON time_zone_changes TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON time_zone_changes TO novara_eraser;
