-- A version of an event as the API answers it: `id` is the event's, `version_id` the row's. The
-- one place that says so; simple enough for Postgres to inline it into each query.
CREATE OR REPLACE FUNCTION event_json(e health_events)
RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT row_to_json(ROW(
               coalesce(e.related_event_id, e.id), e.id, e.version, e.status, e.reason,
               e.event_type, e.event_subtype, e.event_data, e.schema_version,
               e.occurred_at, e.local_date, e.utc_offset_minutes, e.time_zone, e.recorded_at,
               e.source, e.source_version, e.client_event_id, e.correlation_id
           )::event_shape)
$$;

GRANT EXECUTE ON FUNCTION event_json TO novara_api;
