-- A check-in and its events, as the person inside the gate (health/checkin_rows.py). p_item is
-- {"now", "date" (null: today), "row": the columns, "events": [{id, event_type, event_subtype,
-- event_data}, …]}; without events the row waits for them. Answers {"outcome": "created", "date"}
-- or, if the day has a check-in already, {"outcome": "exists", "date", "existing": {…}}.
-- In SQL, as the day depends on the person's time zone, which only the gate knows.
CREATE OR REPLACE FUNCTION add_checkin(
    p_tenant_id uuid, p_user_id uuid, p_time_zone text, p_item jsonb
)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := p_item ->> 'now';
    today date := moment AT TIME ZONE p_time_zone;
    day date := coalesce((p_item ->> 'date')::date, today);
    -- Of another day than today, nobody knows the hour: noon.
    happened timestamptz := CASE WHEN day = today THEN moment
                                 ELSE least(moment, (day + time '12:00') AT TIME ZONE p_time_zone)
                            END;
    place text := CASE WHEN day = today THEN p_time_zone END;
    utc_offset integer := CASE WHEN day = today
                               THEN round(extract(epoch FROM moment AT TIME ZONE p_time_zone
                                                             - moment AT TIME ZONE 'UTC') / 60)
                          END;
BEGIN
    INSERT INTO daily_checkins
    SELECT *
      FROM jsonb_populate_record(
               NULL::daily_checkins,
               p_item -> 'row' || jsonb_build_object(
                   'tenant_id', p_tenant_id, 'user_id', p_user_id, 'date_submitted', day,
                   'occurred_at', happened, 'utc_offset_minutes', utc_offset,
                   'time_zone', place, 'created_at', moment, 'updated_at', moment,
                   'revision', 1, 'events_revision', (p_item ? 'events')::integer
               )
           )
        ON CONFLICT (user_id, date_submitted, tenant_id) WHERE deleted_at IS NULL
        DO NOTHING;
    IF NOT FOUND THEN
        -- A statement of its own, to see what another transaction has just committed.
        RETURN (SELECT row_to_json(r)
                  FROM (SELECT 'exists' AS outcome, day AS date,
                               (SELECT row_to_json(e)
                                  FROM (SELECT c.id, c.mood_today, c.confidence_today,
                                               c.date_submitted
                                          FROM daily_checkins c
                                         WHERE c.user_id = p_user_id
                                           AND c.date_submitted = day
                                           AND c.deleted_at IS NULL) e) AS existing) r);
    END IF;

    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_subtype, event_data, occurred_at, local_date,
         utc_offset_minutes, time_zone, recorded_at, source, correlation_id)
    SELECT e.id, p_tenant_id, p_user_id, e.event_type, e.event_subtype, e.event_data, happened,
           day, utc_offset, place, moment, 'checkin', (p_item #>> '{row,id}')::uuid
      FROM jsonb_to_recordset(p_item -> 'events') AS e (
               id uuid, event_type text, event_subtype text, event_data jsonb
           );
    RETURN (SELECT row_to_json(r) FROM (SELECT 'created' AS outcome, day AS date) r);
END
$$;

REVOKE EXECUTE ON FUNCTION add_checkin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_checkin TO novara_api;
