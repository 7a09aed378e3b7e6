-- Staff see how often things happened in their own clinic.
CREATE POLICY staff ON audit_aggregates FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT ON audit_aggregates TO novara_staff;
