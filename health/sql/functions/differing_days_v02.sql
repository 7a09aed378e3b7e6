-- Days of these people whose user_daily_metrics are not what their events say, although no mark
-- waits for them, and what they should be (NULL: nothing). In one snapshot. Called by
-- rebuild_metrics() and by the command verify_metrics. Marked days are not even computed: one of
-- them may be too large for that (see fold_metrics()). What lies between two of them is one fold.
CREATE OR REPLACE FUNCTION differing_days(p_people uuid[])
RETURNS TABLE (user_id uuid, local_date date, stored user_daily_metrics, fresh user_daily_metrics)
LANGUAGE sql STABLE AS $$
    WITH bound AS (
        SELECT p.id, m.local_date AS day
          FROM unnest(p_people) AS p (id)
          JOIN metric_marks m ON m.user_id = p.id
         UNION
        SELECT p.id, 'infinity'
          FROM unnest(p_people) AS p (id)
    ),
    stretch AS MATERIALIZED (
        SELECT b.id,
               coalesce(lag(b.day) OVER (PARTITION BY b.id ORDER BY b.day) + 1, '-infinity')
                   AS first,
               b.day - 1 AS last
          FROM bound b
    ),
    fresh AS (
        SELECT f.user_id, f.local_date, f
          FROM (SELECT * FROM stretch WHERE first <= last OFFSET 0) s
         CROSS JOIN LATERAL fold_events(s.id, s.first, s.last) f
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
