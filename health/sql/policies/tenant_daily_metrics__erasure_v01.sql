-- When erase_person() deletes a person's days, a trigger takes them from their clinic's sums.
ALTER TABLE tenant_daily_metrics ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON tenant_daily_metrics TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON tenant_daily_metrics TO novara_eraser;
