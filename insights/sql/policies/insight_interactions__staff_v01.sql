-- Staff read what became of the insights of their clinic's people.
CREATE POLICY staff ON insight_interactions TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON insight_interactions TO novara_staff;
