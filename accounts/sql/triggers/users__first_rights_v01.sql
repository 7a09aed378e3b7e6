-- An account that begins with rights in the console is an event, as one that is given them later.
CREATE OR REPLACE TRIGGER first_rights
    AFTER INSERT ON users
    FOR EACH ROW
    WHEN (NEW.is_staff OR NEW.is_superuser)
    EXECUTE FUNCTION audit_event('rights-changed', 'security', 'is_staff,is_superuser,is_support',
        'id', 'tenant_id', 'id');
