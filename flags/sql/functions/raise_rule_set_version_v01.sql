-- Statement trigger of feature_flags: every change, by whatever way, is a new version of the rule
-- set, and whoever listens is told at commit. Processes compare the version with theirs.
CREATE OR REPLACE FUNCTION raise_rule_set_version()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE feature_flag_rule_sets
       SET version = version + 1,
           changed_at = now();
    PERFORM pg_notify('novara_flags', '');
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION raise_rule_set_version FROM PUBLIC;
