-- The vectors of a person's own documents.
ALTER TABLE user_document_vectors ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON user_document_vectors TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT, UPDATE, DELETE ON user_document_vectors TO novara_api;
