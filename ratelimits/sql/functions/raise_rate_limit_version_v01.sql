-- Statement trigger of rate_limit_rules: every change, by whatever way, is a new version of the
-- rules. Processes compare it with theirs each second.
CREATE OR REPLACE FUNCTION raise_rate_limit_version()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rate_limit_rule_sets
       SET version = version + 1,
           changed_at = now();
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION raise_rate_limit_version FROM PUBLIC;
