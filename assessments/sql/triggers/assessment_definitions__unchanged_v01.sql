-- What people answered must stay readable, so a version of a questionnaire is never changed: for
-- nobody, the owner included. A new version is a new row.
CREATE OR REPLACE TRIGGER unchanged
    BEFORE UPDATE OF id, tenant_id, name, version, title, content, created_at OR DELETE
    ON assessment_definitions
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change();
