-- Staff look after the profiles of their clinic's people.
CREATE POLICY staff ON user_profiles TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT, UPDATE ON user_profiles TO novara_staff;
