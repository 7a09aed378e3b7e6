-- Staff see the alerts of their own clinic, and say what was done about those that are not about
-- themselves. A mail that is due is none of their business.
CREATE POLICY staff ON audit_alerts TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND (group_by <> 'actor'
             OR group_key <> (SELECT split_part(current_setting('app.context', true), ' ', 2)))
    );
GRANT SELECT ON audit_alerts TO novara_staff;
REVOKE UPDATE (mail_due_at) ON audit_alerts FROM novara_staff;
GRANT UPDATE (status, acknowledged_by, acknowledged_at, acknowledged_note, resolved_by, resolved_at,
              resolved_note)
   ON audit_alerts TO novara_staff;
-- What a rule says; not who is told of its alerts.
GRANT SELECT (id, name, description, events, outcome, actor_kinds, counts, threshold,
              window_minutes, group_by, severity, cool_down_minutes, is_enabled)
   ON audit_alert_rules TO novara_staff;
