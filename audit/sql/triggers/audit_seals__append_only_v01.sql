-- For nobody, the owner included, a link changes. A trigger, as no code path may circumvent it.
CREATE OR REPLACE TRIGGER append_only
    BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW
    EXECUTE FUNCTION refuse_seal_change();
