-- A person's events mark their own days.
ALTER TABLE metric_marks ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON metric_marks TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT ON metric_marks TO novara_api;
