-- Nothing that a hold is about is deleted while it is placed. A trigger, as no code path may
-- circumvent it.
CREATE OR REPLACE TRIGGER await_deletions
    BEFORE INSERT OR UPDATE OR DELETE ON audit_legal_holds
    FOR EACH STATEMENT
    EXECUTE FUNCTION await_deletions();
