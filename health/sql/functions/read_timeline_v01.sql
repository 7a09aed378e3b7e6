-- The hot path of GET /api/v2/health/timeline (health/event_log.py): the gate and one page in
-- one round trip. Newest first, from below (p_before_at, p_before_id); one row more than asked
-- for tells whether there is a next page. No row: the gate refuses. has_waiting: rows written
-- in V1 mode still wait for their events, which must be written first.
-- The query stands twice, as a filter by type must walk each type's own index.
CREATE OR REPLACE FUNCTION read_timeline(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz,
    p_first_date date, p_last_date date, p_types text[], p_history boolean,
    p_as_of timestamptz, p_before_at timestamptz, p_before_id uuid, p_limit integer
)
RETURNS TABLE (has_waiting boolean, events text, next text)
LANGUAGE plpgsql AS $$
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
        WITH page AS (
            SELECT v.*
              FROM event_versions v
             WHERE v.user_id = me.user_id
               AND (v.occurred_at, v.version_id) < (p_before_at, p_before_id)
               AND v.occurred_at >= earliest
               AND v.occurred_at < latest
               AND v.local_date BETWEEN p_first_date AND p_last_date
               AND v.recorded_at <= p_as_of
               AND (p_history
                    OR v.status <> 'entered-in-error'
                       AND NOT EXISTS (SELECT
                                         FROM health_events n
                                        WHERE n.related_event_id = v.id
                                          AND n.version > v.version
                                          AND n.recorded_at <= p_as_of))
             ORDER BY v.occurred_at DESC, v.version_id DESC
             LIMIT p_limit + 1
        ),
        shown AS (
            SELECT * FROM page LIMIT p_limit
        )
        SELECT (SELECT json_agg(s) FROM shown s),
               CASE WHEN (SELECT count(*) FROM page) > p_limit
                    THEN (SELECT s.occurred_at || ',' || s.version_id
                            FROM shown s
                          OFFSET p_limit - 1)
               END
          INTO events, next;
    ELSE
        WITH page AS (
            SELECT v.*
              FROM unnest(p_types) AS t (event_type)
             CROSS JOIN LATERAL (
                        SELECT v.*
                          FROM event_versions v
                         WHERE v.user_id = me.user_id
                           AND v.event_type = t.event_type
                           AND (v.occurred_at, v.version_id) < (p_before_at, p_before_id)
                           AND v.occurred_at >= earliest
                           AND v.occurred_at < latest
                           AND v.local_date BETWEEN p_first_date AND p_last_date
                           AND v.recorded_at <= p_as_of
                           AND (p_history
                                OR v.status <> 'entered-in-error'
                                   AND NOT EXISTS (SELECT
                                                     FROM health_events n
                                                    WHERE n.related_event_id = v.id
                                                      AND n.version > v.version
                                                      AND n.recorded_at <= p_as_of))
                         ORDER BY v.occurred_at DESC, v.version_id DESC
                         LIMIT p_limit + 1
                   ) v
             ORDER BY v.occurred_at DESC, v.version_id DESC
             LIMIT p_limit + 1
        ),
        shown AS (
            SELECT * FROM page LIMIT p_limit
        )
        SELECT (SELECT json_agg(s) FROM shown s),
               CASE WHEN (SELECT count(*) FROM page) > p_limit
                    THEN (SELECT s.occurred_at || ',' || s.version_id
                            FROM shown s
                          OFFSET p_limit - 1)
               END
          INTO events, next;
    END IF;
    RETURN NEXT;
END
$$;

REVOKE EXECUTE ON FUNCTION read_timeline FROM PUBLIC;
