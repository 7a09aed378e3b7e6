-- Every version of every event in the shape that the API answers, read by read_timeline(),
-- record_events() and health/queries.py. `id` is the event's; `version_id` the row's.
CREATE VIEW event_versions WITH (security_invoker = true) AS
SELECT coalesce(related_event_id, id) AS id,
       id AS version_id,
       version,
       status,
       event_type,
       event_subtype,
       event_data,
       schema_version,
       occurred_at,
       local_date,
       utc_offset_minutes,
       time_zone,
       recorded_at,
       source,
       source_version,
       client_event_id,
       correlation_id,
       related_event_id,
       reason,
       user_id
  FROM health_events;

GRANT SELECT ON event_versions TO novara_api;
