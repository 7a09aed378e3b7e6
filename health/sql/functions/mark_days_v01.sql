-- Trigger function of health_events: notes which days of which people have changed, so that
-- fold_metrics() computes them anew. Writers only append, so they never wait for each other. A
-- correction may have moved the event from another day, which has changed as well.
CREATE OR REPLACE FUNCTION mark_days()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_marks (tenant_id, user_id, local_date)
    SELECT DISTINCT tenant_id, user_id, local_date
      FROM added;
    IF EXISTS (SELECT FROM added WHERE related_event_id IS NOT NULL) THEN
        INSERT INTO metric_marks (tenant_id, user_id, local_date)
        SELECT DISTINCT e.tenant_id, e.user_id, e.local_date
          FROM added a
         CROSS JOIN LATERAL (
                      SELECT o.tenant_id, o.user_id, o.local_date
                        FROM health_events o
                       WHERE o.id = a.related_event_id
                       UNION ALL
                      SELECT o.tenant_id, o.user_id, o.local_date
                        FROM health_events o
                       WHERE o.related_event_id = a.related_event_id
               ) e
         WHERE a.related_event_id IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION mark_days FROM PUBLIC;
