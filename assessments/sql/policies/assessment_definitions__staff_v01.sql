-- Staff make their clinic's questionnaires, and choose which version is used.
CREATE POLICY staff ON assessment_definitions TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT, UPDATE (is_active) ON assessment_definitions TO novara_staff;
