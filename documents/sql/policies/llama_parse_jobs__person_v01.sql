-- The jobs of a person's own documents.
ALTER TABLE llama_parse_jobs ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON llama_parse_jobs TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT, UPDATE, DELETE ON llama_parse_jobs TO novara_api;
