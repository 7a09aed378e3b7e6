-- A rule that is switched off, or made blind, or tells nobody any more, is an event. A trigger, as
-- no code path may circumvent it.
CREATE OR REPLACE TRIGGER settings
    AFTER UPDATE OR DELETE ON audit_alert_rules
    FOR EACH ROW
    EXECUTE FUNCTION audit_event('log-settings-changed', 'administration',
        'name,is_enabled,events,outcome,actor_kinds,counts,threshold,window_minutes,group_by,severity,cool_down_minutes',
        'id', '', '', 'notify');
