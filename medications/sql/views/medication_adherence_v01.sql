-- The doses that people reported, as the log holds them now: its medication events that name a
-- medication. The columns of the old service's table, and when and of which day a dose is. Read by
-- medications/queries.py. CASE: events of the first schema may say anything by these names.
-- OFFSET 0: a look-up for each event. Joined, Postgres could read a person's whole history.
CREATE VIEW medication_adherence WITH (security_invoker = true) AS
SELECT e.id,
       e.tenant_id,
       e.user_id,
       CASE WHEN e.schema_version >= 2
            THEN (e.event_data ->> 'medication_id')::uuid END AS medication_id,
       CASE WHEN e.related_event_id IS NULL
            THEN e.id ELSE e.related_event_id END AS health_event_id,
       CASE WHEN e.schema_version >= 2
            THEN (e.event_data ->> 'scheduled_for')::timestamptz END AS scheduled_time,
       CASE WHEN e.event_data ->> 'status' IN ('taken', 'partial')
            THEN e.occurred_at END AS taken_time,
       e.event_data ->> 'status' AS status,
       e.event_data ->> 'note' AS notes,
       e.event_data ->> 'medication_name' AS medication_name,
       e.event_data ->> 'dose' AS dose,
       e.event_data ->> 'reason' AS reason,
       e.occurred_at,
       e.local_date
  FROM health_events e
 WHERE e.event_type = 'medication'
   AND e.schema_version >= 2
   AND e.status <> 'entered-in-error'
   AND e.event_data ->> 'medication_id' IS NOT NULL
   AND e.event_data ->> 'status' IS NOT NULL
   AND NOT EXISTS (SELECT
                     FROM health_events n
                    WHERE n.related_event_id =
                          CASE WHEN e.related_event_id IS NULL
                               THEN e.id ELSE e.related_event_id END
                      AND n.version > e.version
                   OFFSET 0);

GRANT SELECT ON medication_adherence TO novara_api;
