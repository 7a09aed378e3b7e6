-- A person reads their own rows; a change of their profile adds one.
ALTER TABLE time_zone_changes ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON time_zone_changes TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT ON time_zone_changes TO novara_api;
