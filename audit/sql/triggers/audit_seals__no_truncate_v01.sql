-- TRUNCATE fires no row triggers, so it is refused by its own.
CREATE OR REPLACE TRIGGER no_truncate
    BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_seal_change();
