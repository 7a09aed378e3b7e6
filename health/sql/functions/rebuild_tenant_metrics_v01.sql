-- Puts tenant_daily_metrics right where they are not the sum of user_daily_metrics, and removes
-- days with nobody. Called by health/metrics.py. Answers how many days stood otherwise. Of the
-- lock and the isolation, see fold_metrics().
CREATE OR REPLACE FUNCTION rebuild_tenant_metrics()
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    tenants uuid[];
    days date[];
    fresh tenant_daily_metrics[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'rebuild_tenant_metrics() needs READ COMMITTED.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('metrics', 0));

    SELECT array_agg(d.tenant_id), array_agg(d.local_date), array_agg(d.fresh)
      INTO tenants, days, fresh
      FROM differing_tenant_days() d;
    DELETE FROM tenant_daily_metrics t
     USING unnest(tenants, days) AS d (tenant_id, local_date)
     WHERE t.tenant_id = d.tenant_id
       AND t.local_date = d.local_date;
    INSERT INTO tenant_daily_metrics
    SELECT f.*
      FROM unnest(fresh) f
     WHERE f.tenant_id IS NOT NULL;
    DELETE FROM tenant_daily_metrics
     WHERE person_count = 0;
    RETURN coalesce(cardinality(days), 0);
END
$$;

REVOKE EXECUTE ON FUNCTION rebuild_tenant_metrics FROM PUBLIC;
