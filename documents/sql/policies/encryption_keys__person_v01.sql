-- The wrapped keys of a person.
ALTER TABLE encryption_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON encryption_keys TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT, UPDATE ON encryption_keys TO novara_api;
