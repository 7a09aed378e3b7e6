-- Staff say that they have seen to an alert of one of their clinic's people.
CREATE POLICY staff ON insight_acknowledgements TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT ON insight_acknowledgements TO novara_staff;
