-- erase_person() finds and deletes a person's rows.
ALTER TABLE medication_regimens ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON medication_regimens TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON medication_regimens TO novara_eraser;
