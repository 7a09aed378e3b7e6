-- Support sees how people of its clinic want to be called; none of their answers.
CREATE POLICY support ON user_profiles FOR SELECT TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (user_id, tenant_id, nickname, timezone, email_opt_in) ON user_profiles TO novara_support;
