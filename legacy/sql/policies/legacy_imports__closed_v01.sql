-- The API's role has no business here: only commands read and write it.
ALTER TABLE legacy_imports ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON legacy_imports TO novara_api
    USING (false)
    WITH CHECK (false);
