-- Days of these people whose user_daily_metrics are not what their events say, although no mark
-- waits for them, and what they should be (NULL: nothing). In one snapshot. Called by
-- rebuild_metrics() and by the command verify_metrics.
CREATE OR REPLACE FUNCTION differing_days(p_people uuid[])
RETURNS TABLE (user_id uuid, local_date date, stored user_daily_metrics, fresh user_daily_metrics)
LANGUAGE sql STABLE AS $$
    WITH fresh AS (
        SELECT f.user_id, f.local_date, f
          FROM unnest(p_people) AS p (id)
         CROSS JOIN LATERAL fold_events(p.id, '-infinity', 'infinity') f
    ),
    stored AS (
        SELECT s.user_id, s.local_date, s
          FROM user_daily_metrics s
         WHERE s.user_id = ANY (p_people)
    )
    SELECT d.user_id, d.local_date, d.s, d.f
      FROM (fresh FULL JOIN stored USING (user_id, local_date)) AS d
     WHERE d.f IS DISTINCT FROM d.s
       AND NOT EXISTS (SELECT
                         FROM metric_marks m
                        WHERE m.user_id = d.user_id
                          AND m.local_date = d.local_date)
$$;

REVOKE EXECUTE ON FUNCTION differing_days FROM PUBLIC;
