-- What was done with a person's documents; nobody changes it.
ALTER TABLE document_actions ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON document_actions TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT ON document_actions TO novara_api;
