-- Support sees who has an account in its clinic; no password, which nobody guesses at leisure then.
CREATE POLICY support ON users FOR SELECT TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, email, is_active, is_staff, is_superuser, is_support, last_login,
              tokens_valid_from, created_at)
    ON users TO novara_support;
