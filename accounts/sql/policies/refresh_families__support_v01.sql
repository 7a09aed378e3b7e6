-- Support ends the sessions of people of its clinic when it deactivates them.
CREATE POLICY support ON refresh_families TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE (revoked_at, revoke_reason) ON refresh_families TO novara_support;
