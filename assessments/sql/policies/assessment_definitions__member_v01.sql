-- A person sees the questionnaires that their clinic uses now.
ALTER TABLE assessment_definitions ENABLE ROW LEVEL SECURITY;

CREATE POLICY member ON assessment_definitions FOR SELECT TO novara_api
    USING (
        tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
        AND is_active
    );

GRANT SELECT ON assessment_definitions TO novara_api;
