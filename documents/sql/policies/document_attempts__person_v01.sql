-- The tries of a person's own documents.
ALTER TABLE document_attempts ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON document_attempts TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT, UPDATE ON document_attempts TO novara_api;
