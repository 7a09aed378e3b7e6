-- The API's role has no business here: only commands read and write it.
ALTER TABLE legacy_records ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON legacy_records TO novara_api
    USING (false)
    WITH CHECK (false);
