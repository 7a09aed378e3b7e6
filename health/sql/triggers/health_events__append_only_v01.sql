-- Health events are never changed: for nobody, the owner included. Only the role that owns the
-- erasure routine may delete. A trigger, as no code path may circumvent it.
CREATE OR REPLACE TRIGGER append_only
    BEFORE UPDATE OR DELETE ON health_events
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change();
