-- Staff see the certificates of their clinic.
CREATE POLICY staff ON erasure_certificates TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON erasure_certificates TO novara_staff;
