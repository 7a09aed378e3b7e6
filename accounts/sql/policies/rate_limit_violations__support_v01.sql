-- Support sees what limits refused to people and servers of its clinic.
CREATE POLICY support ON rate_limit_violations FOR SELECT TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON rate_limit_violations TO novara_support;
