-- Staff read the check-ins of their clinic's people.
CREATE POLICY staff ON daily_checkins TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON daily_checkins TO novara_staff;
