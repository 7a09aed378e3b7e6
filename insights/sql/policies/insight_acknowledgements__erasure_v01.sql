-- erase_person() finds and deletes a person's rows.
ALTER TABLE insight_acknowledgements ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON insight_acknowledgements TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON insight_acknowledgements TO novara_eraser;
