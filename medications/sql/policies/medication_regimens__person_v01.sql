-- A person reads and adds their own rows.
ALTER TABLE medication_regimens ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON medication_regimens TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    )
    WITH CHECK (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND user_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)
    );

GRANT SELECT, INSERT ON medication_regimens TO novara_api;
