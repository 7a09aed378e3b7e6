-- Support deactivates end users of its clinic, and activates them again. It sets no passwords and no
-- addresses: who can log in as somebody sees their health data.
CREATE POLICY support_changes ON users FOR UPDATE TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
           AND NOT is_staff
           AND NOT is_superuser)
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
                AND NOT is_staff
                AND NOT is_superuser);

GRANT UPDATE (is_active, tokens_valid_from) ON users TO novara_support;
