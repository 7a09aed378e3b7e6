-- A person reads their own days; those who fold them are no persons.
ALTER TABLE user_daily_metrics ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON user_daily_metrics TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT ON user_daily_metrics TO novara_api;
