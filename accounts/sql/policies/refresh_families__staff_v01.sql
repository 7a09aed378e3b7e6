-- Staff end the sessions of their clinic's people, with a new password or when they deactivate.
CREATE POLICY staff ON refresh_families TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE (revoked_at, revoke_reason) ON refresh_families TO novara_staff;
