-- No policy any more: the pages of limits are for superusers.
REVOKE SELECT ON rate_limit_buckets FROM novara_support;
