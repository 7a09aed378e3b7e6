-- For nobody, the owner included, an entry changes. A trigger, as no code path may circumvent it.
CREATE OR REPLACE TRIGGER append_only
    BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW
    EXECUTE FUNCTION refuse_audit_change();
