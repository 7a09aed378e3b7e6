-- The hot path of POST /api/v2/health/events, of one or a batch (health/event_log.py): the gate
-- and the insert in one round trip. p_items is a JSON array of checked events. Answers a JSON
-- array in the order of their ids with, for each, {"outcome": created | replayed | conflict,
-- "id", "local_date", "event"}, the last one where p_with_events; NULL if the gate refuses; '' if
-- rows written in V1 mode still wait for their events, which must be written first.
DROP FUNCTION IF EXISTS record_events(uuid, text, uuid, timestamptz, boolean, jsonb);

CREATE OR REPLACE FUNCTION record_events(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz,
    p_with_events boolean, p_items jsonb, p_context text
)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    me record;
    answer text;
    missing bigint;
BEGIN
    SELECT *
      INTO me
      FROM enter_gate(p_user_id, p_email, p_session_id, p_issued_at, p_context);
    IF me.user_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM daily_checkins c
                WHERE c.user_id = me.user_id AND c.revision > c.events_revision) THEN
        RETURN '';
    END IF;

    WITH item AS (
        SELECT i.*,
               CASE
                   WHEN i.utc_offset_minutes IS NULL
                   THEN i.occurred_at AT TIME ZONE coalesce(i.time_zone, me.time_zone)
                   ELSE i.occurred_at AT TIME ZONE 'UTC'
                        + i.utc_offset_minutes * interval '1 minute'
               END AS local_time
          FROM jsonb_to_recordset(p_items) AS i (
                   id uuid, event_type text, event_subtype text, event_data jsonb,
                   schema_version smallint, occurred_at timestamptz, time_zone text,
                   utc_offset_minutes smallint, source text, source_version text,
                   client_event_id text, correlation_id uuid
               )
    ),
    added AS (
        INSERT INTO health_events
            (id, tenant_id, user_id, event_type, event_subtype, event_data, schema_version,
             occurred_at, local_date, utc_offset_minutes, time_zone, source, source_version,
             client_event_id, correlation_id)
        SELECT i.id, me.tenant_id, me.user_id, i.event_type, i.event_subtype, i.event_data,
               i.schema_version, i.occurred_at, i.local_time::date,
               extract(epoch FROM i.local_time - i.occurred_at AT TIME ZONE 'UTC') / 60,
               CASE WHEN i.utc_offset_minutes IS NULL
                    THEN coalesce(i.time_zone, me.time_zone) END,
               i.source, i.source_version, i.client_event_id, i.correlation_id
          FROM item i
        ON CONFLICT (user_id, client_event_id, tenant_id) WHERE client_event_id IS NOT NULL
        DO NOTHING
        RETURNING id, local_date,
                  CASE WHEN p_with_events THEN event_json(health_events) END AS event
    )
    SELECT coalesce(json_agg(r), '[]'),
           jsonb_array_length(p_items) - count(*)
      INTO answer, missing
      FROM (SELECT 'created' AS outcome, a.id, a.local_date, a.event
              FROM added a
             ORDER BY a.id) r;

    IF missing = 0 THEN
        RETURN answer;
    END IF;

    -- Some were recorded before. A statement of its own, to see what another transaction
    -- committed while the insert waited for it. LIMIT makes it look up item by item.
    SELECT json_agg(r)
      INTO answer
      FROM (SELECT CASE
                       WHEN e.id = i.id THEN 'created'
                       WHEN e.event_type = i.event_type
                            AND e.event_subtype IS NOT DISTINCT FROM i.event_subtype
                            AND e.event_data = i.event_data
                            AND (i.states_time IS NULL OR e.occurred_at = i.occurred_at)
                       THEN 'replayed'
                       ELSE 'conflict'
                   END AS outcome,
                   e.id, e.local_date,
                   CASE WHEN p_with_events THEN event_json(e) END AS event
              FROM jsonb_to_recordset(p_items) AS i (
                       id uuid, event_type text, event_subtype text, event_data jsonb,
                       occurred_at timestamptz, states_time boolean, client_event_id text
                   )
             CROSS JOIN LATERAL (
                        SELECT x.*
                          FROM health_events x
                         WHERE x.user_id = me.user_id
                           AND x.client_event_id = i.client_event_id
                         UNION ALL
                        SELECT x.*
                          FROM health_events x
                         WHERE x.id = i.id
                         LIMIT 1
                   ) e
             ORDER BY i.id) r;
    RETURN answer;
END
$$;

REVOKE EXECUTE ON FUNCTION record_events FROM PUBLIC;
