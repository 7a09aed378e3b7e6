-- A person sees the name of their own tenant.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;

CREATE POLICY member ON tenants FOR SELECT TO novara_api
    USING (id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, name, slug) ON tenants TO novara_api;
