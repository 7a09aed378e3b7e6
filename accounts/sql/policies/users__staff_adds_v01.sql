-- Staff add people to their clinic, without rights in the console.
CREATE POLICY staff_adds ON users FOR INSERT TO novara_staff
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
                AND NOT is_staff
                AND NOT is_superuser);
