-- Staff see their own clinic.
CREATE POLICY staff ON tenants TO novara_staff
    USING (id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON tenants TO novara_staff;
