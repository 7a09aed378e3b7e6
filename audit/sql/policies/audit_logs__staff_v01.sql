-- Staff review the log of their own clinic.
CREATE POLICY staff ON audit_logs FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT ON audit_logs TO novara_staff;
