-- A person reads and writes their own rows: never the password.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON users TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT (id, tenant_id, email, is_active, created_at) ON users TO novara_api;
