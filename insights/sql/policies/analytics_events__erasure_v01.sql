-- erase_person() finds and deletes a person's rows.
ALTER TABLE analytics_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON analytics_events TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON analytics_events TO novara_eraser;
