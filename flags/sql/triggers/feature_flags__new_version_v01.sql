-- A trigger, so that a change by raw SQL reaches all processes, too.
CREATE OR REPLACE TRIGGER new_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON feature_flags
FOR EACH STATEMENT EXECUTE FUNCTION raise_rule_set_version();
