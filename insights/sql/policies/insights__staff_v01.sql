-- Staff read the insights of their clinic's people.
CREATE POLICY staff ON insights TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON insights TO novara_staff;
