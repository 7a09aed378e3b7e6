-- The hot path of GET /api/v2/health/timeline (health/event_log.py): the gate and one page in
-- one round trip. Newest first, from below (p_before_at, p_before_id); one row more than asked
-- for tells whether there is a next page. No row: the gate refuses. has_waiting: rows written
-- in V1 mode still wait for their events, which must be written first.
-- The query stands twice, as a filter by type must walk each type's own index. Planned without
-- the values: with them, a long history is mistaken for a short one that may be sorted.
-- OFFSET 0 keeps Postgres from reading all corrections of the clinic once instead of those of each
-- event, which it takes for cheaper in a small database.
-- CASE, not coalesce: under row-level security an index serves only what is known not to leak.
CREATE OR REPLACE FUNCTION read_timeline(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz,
    p_first_date date, p_last_date date, p_types text[], p_history boolean,
    p_as_of timestamptz, p_before_at timestamptz, p_before_id uuid, p_limit integer
)
RETURNS TABLE (has_waiting boolean, events text, next text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    me record;
    -- A local date begins at UTC+14 and ends at UTC-12.
    earliest timestamptz := p_first_date::timestamp AT TIME ZONE 'UTC' - interval '14 hours';
    latest timestamptz := p_last_date::timestamp AT TIME ZONE 'UTC' + interval '36 hours';
BEGIN
    SELECT *
      INTO me
      FROM enter_gate(p_user_id, p_email, p_session_id, p_issued_at);
    IF me.user_id IS NULL THEN
        RETURN;
    END IF;
    has_waiting := EXISTS (SELECT
                             FROM daily_checkins c
                            WHERE c.user_id = me.user_id
                              AND c.revision > c.events_revision);
    IF has_waiting THEN
        RETURN NEXT;
        RETURN;
    END IF;

    IF p_types IS NULL THEN
        SELECT json_agg(p.event) FILTER (WHERE p.n <= p_limit),
               CASE WHEN count(*) > p_limit
                    THEN min(p.occurred_at) FILTER (WHERE p.n = p_limit)
                         || ',' || (array_agg(p.id) FILTER (WHERE p.n = p_limit))[1]
               END
          INTO events, next
          FROM (
                SELECT event_json(e) AS event, e.occurred_at, e.id,
                       row_number() OVER (ORDER BY e.occurred_at DESC, e.id DESC) AS n
                  FROM health_events e
                 WHERE e.user_id = me.user_id
                   AND (e.occurred_at, e.id) < (p_before_at, p_before_id)
                   AND e.occurred_at >= earliest
                   AND e.occurred_at < latest
                   AND e.local_date BETWEEN p_first_date AND p_last_date
                   AND e.recorded_at <= p_as_of
                   AND (p_history
                        OR e.status <> 'entered-in-error'
                           AND NOT EXISTS (SELECT
                                             FROM health_events n
                                            WHERE n.related_event_id =
                                                  CASE WHEN e.related_event_id IS NULL
                                                       THEN e.id ELSE e.related_event_id END
                                              AND n.version > e.version
                                              AND n.recorded_at <= p_as_of
                                           OFFSET 0))
                 ORDER BY e.occurred_at DESC, e.id DESC
                 LIMIT p_limit + 1
               ) p;
    ELSE
        SELECT json_agg(p.event) FILTER (WHERE p.n <= p_limit),
               CASE WHEN count(*) > p_limit
                    THEN min(p.occurred_at) FILTER (WHERE p.n = p_limit)
                         || ',' || (array_agg(p.id) FILTER (WHERE p.n = p_limit))[1]
               END
          INTO events, next
          FROM (
                SELECT event_json(e) AS event, e.occurred_at, e.id,
                       row_number() OVER (ORDER BY e.occurred_at DESC, e.id DESC) AS n
                  FROM unnest(p_types) AS t (event_type)
                 CROSS JOIN LATERAL (
                              SELECT e.*
                                FROM health_events e
                               WHERE e.user_id = me.user_id
                                 AND e.event_type = t.event_type
                                 AND (e.occurred_at, e.id) < (p_before_at, p_before_id)
                                 AND e.occurred_at >= earliest
                                 AND e.occurred_at < latest
                                 AND e.local_date BETWEEN p_first_date AND p_last_date
                                 AND e.recorded_at <= p_as_of
                                 AND (p_history
                                      OR e.status <> 'entered-in-error'
                                         AND NOT EXISTS (SELECT
                                                           FROM health_events n
                                                          WHERE n.related_event_id =
                                                                CASE WHEN e.related_event_id IS NULL
                                                                     THEN e.id ELSE e.related_event_id END
                                                            AND n.version > e.version
                                                            AND n.recorded_at <= p_as_of
                                                         OFFSET 0))
                               ORDER BY e.occurred_at DESC, e.id DESC
                               LIMIT p_limit + 1
                       ) e
                 ORDER BY e.occurred_at DESC, e.id DESC
                 LIMIT p_limit + 1
               ) p;
    END IF;
    RETURN NEXT;
END
$$;

REVOKE EXECUTE ON FUNCTION read_timeline FROM PUBLIC;
