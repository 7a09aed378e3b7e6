-- Staff change end users of their clinic, and nobody who has rights in the console.
CREATE POLICY staff_changes ON users FOR UPDATE TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
           AND NOT is_staff
           AND NOT is_superuser)
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
                AND NOT is_staff
                AND NOT is_superuser);
