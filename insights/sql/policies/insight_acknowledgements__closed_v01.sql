-- The API's role has no business here: staff write it in the console.
ALTER TABLE insight_acknowledgements ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON insight_acknowledgements TO novara_api
    USING (false)
    WITH CHECK (false);
