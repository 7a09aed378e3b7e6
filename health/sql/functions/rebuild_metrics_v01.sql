-- Computes all days of these people anew beside what stands, compares, and replaces what differs,
-- in one transaction: readers see all of the old or all of the new. Called by health/metrics.py.
-- Answers how many days they have, and how many stood otherwise than their events say. Days that
-- are marked are left to the fold; of the same lock, see fold_metrics().
CREATE OR REPLACE FUNCTION rebuild_metrics(p_people uuid[])
RETURNS TABLE (day_count bigint, changed_count bigint)
LANGUAGE plpgsql AS $$
DECLARE
    days date[];
    people uuid[];
    fresh user_daily_metrics[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'rebuild_metrics() needs READ COMMITTED.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('metrics', 0));

    SELECT array_agg(d.user_id), array_agg(d.local_date), array_agg(d.fresh), count(d)
      INTO people, days, fresh, changed_count
      FROM differing_days(p_people) d;
    DELETE FROM user_daily_metrics s
     USING unnest(people, days) AS d (user_id, local_date)
     WHERE s.user_id = d.user_id
       AND s.local_date = d.local_date;
    INSERT INTO user_daily_metrics
    SELECT f.*
      FROM unnest(fresh) f
     WHERE f.user_id IS NOT NULL;
    SELECT count(*)
      INTO day_count
      FROM user_daily_metrics s
     WHERE s.user_id = ANY (p_people);
    RETURN NEXT;
END
$$;

REVOKE EXECUTE ON FUNCTION rebuild_metrics FROM PUBLIC;
