-- A person sees the questionnaires of their clinic: those that it uses now, to be asked, and those
-- of before, as past answers are read by what was asked.
ALTER TABLE assessment_definitions ENABLE ROW LEVEL SECURITY;

CREATE POLICY member ON assessment_definitions FOR SELECT TO novara_api
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON assessment_definitions TO novara_api;
