-- Entries that will be deleted sooner are an event. A trigger, as no code path may circumvent it.
CREATE OR REPLACE TRIGGER settings
    AFTER UPDATE OR DELETE ON audit_retention
    FOR EACH ROW
    EXECUTE FUNCTION audit_event('log-settings-changed', 'administration', 'days', 'category', '', '');
