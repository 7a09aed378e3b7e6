-- Staff read their clinic's figures.
ALTER TABLE tenant_daily_metrics ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON tenant_daily_metrics TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON tenant_daily_metrics TO novara_staff;
