-- erase_person() finds and deletes a person's rows.
ALTER TABLE insight_interactions ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON insight_interactions TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON insight_interactions TO novara_eraser;
