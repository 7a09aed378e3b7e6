-- A legal hold that ends is an event. A trigger, as no code path may circumvent it.
CREATE OR REPLACE TRIGGER settings
    AFTER UPDATE OR DELETE ON audit_legal_holds
    FOR EACH ROW
    EXECUTE FUNCTION audit_event('log-settings-changed', 'administration', 'released_at', 'id',
        'tenant_id', 'subject_id');
