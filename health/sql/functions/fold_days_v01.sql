-- Replaces the stored figures of these days by what their events say now; called by
-- fold_metrics(), which holds the lock.
CREATE OR REPLACE FUNCTION fold_days(p_people uuid[], p_days date[])
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM user_daily_metrics s
     USING unnest(p_people, p_days) AS d (user_id, local_date)
     WHERE s.user_id = d.user_id
       AND s.local_date = d.local_date;
    INSERT INTO user_daily_metrics
    SELECT f.*
      FROM unnest(p_people, p_days) AS d (user_id, local_date)
     CROSS JOIN LATERAL fold_events(d.user_id, d.local_date, d.local_date) f;
END
$$;

REVOKE EXECUTE ON FUNCTION fold_days FROM PUBLIC;
