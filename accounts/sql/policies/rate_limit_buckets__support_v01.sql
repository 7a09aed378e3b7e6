-- Support sees who of its clinic is limited now.
CREATE POLICY support ON rate_limit_buckets FOR SELECT TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON rate_limit_buckets TO novara_support;
