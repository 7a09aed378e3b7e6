-- Staff change profiles of their clinic's people, which adds a row.
CREATE POLICY staff ON time_zone_changes TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT INSERT ON time_zone_changes TO novara_staff;
