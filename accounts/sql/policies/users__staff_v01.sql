-- Staff look after the people of their clinic; none of them becomes a superuser.
CREATE POLICY staff ON users TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
                AND NOT is_superuser);

GRANT SELECT, INSERT, UPDATE ON users TO novara_staff;
