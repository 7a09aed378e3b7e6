-- The history of flags is never changed: for nobody, the owner included.
CREATE OR REPLACE TRIGGER append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON feature_flag_versions
FOR EACH STATEMENT EXECUTE FUNCTION keep_flag_versions();
