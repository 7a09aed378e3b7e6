-- Staff read what old clients report of their use of their clinic's people.
CREATE POLICY staff ON analytics_events TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON analytics_events TO novara_staff;
