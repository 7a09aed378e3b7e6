-- The keys of an event in the API's answers, in their order. Used by event_json().
CREATE TYPE event_shape AS (
    id uuid,
    version_id uuid,
    version smallint,
    status text,
    reason text,
    event_type text,
    event_subtype text,
    event_data jsonb,
    schema_version smallint,
    occurred_at timestamptz,
    local_date date,
    utc_offset_minutes smallint,
    time_zone text,
    recorded_at timestamptz,
    source text,
    source_version text,
    client_event_id text,
    correlation_id uuid
);
