-- Rights in the console that somebody is given, or loses, are an event. A trigger, as no code path
-- may circumvent it.
CREATE OR REPLACE TRIGGER rights
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN ((OLD.is_staff, OLD.is_superuser, OLD.is_support)
          IS DISTINCT FROM (NEW.is_staff, NEW.is_superuser, NEW.is_support))
    EXECUTE FUNCTION audit_event('rights-changed', 'security', 'is_staff,is_superuser,is_support',
        'id', 'tenant_id', 'id');
