-- A trigger, so that a change by raw SQL reaches all processes, too.
CREATE OR REPLACE TRIGGER new_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rate_limit_rules
FOR EACH STATEMENT EXECUTE FUNCTION raise_rate_limit_version();
