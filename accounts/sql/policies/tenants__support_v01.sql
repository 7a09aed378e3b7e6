-- Support sees its own clinic.
CREATE POLICY support ON tenants FOR SELECT TO novara_support
    USING (id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON tenants TO novara_support;
