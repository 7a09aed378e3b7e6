-- Staff see everybody of their clinic.
CREATE POLICY staff ON users FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT, UPDATE ON users TO novara_staff;
