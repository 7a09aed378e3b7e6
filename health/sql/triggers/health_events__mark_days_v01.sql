-- Whoever appends events, in whatever way, marks their days. Once for each statement.
CREATE OR REPLACE TRIGGER mark_days
    AFTER INSERT ON health_events
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT
    EXECUTE FUNCTION mark_days();
