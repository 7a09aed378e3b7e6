-- A person has their own documents, and may delete them.
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON documents TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO novara_api;
