-- Completed questionnaires as rows, under the names of the old data model: the assessment events
-- that assessments/services.py wrote and that hold. Read by assessments/queries.py. Before schema version 2 that source was anybody's.
CREATE VIEW assessment_responses WITH (security_invoker = true) AS
SELECT e.id,
       e.tenant_id,
       e.user_id,
       e.event_subtype AS assessment_name,
       e.event_data ->> 'instrument_version' AS assessment_version,
       e.id AS health_event_id,
       e.event_data - ARRAY[
           'total_score', 'anxiety_score', 'depression_score', 'sub_scores', 'severity',
           'instrument', 'instrument_version', 'is_complete', 'missing', 'safety_items',
           'started_at', 'loinc'
       ] AS responses,
       (SELECT jsonb_object_agg(s.key, s.value)
          FROM jsonb_each(e.event_data) s
         WHERE s.key IN ('total_score', 'anxiety_score', 'depression_score', 'sub_scores',
                         'severity', 'is_complete')) AS scores,
       CASE WHEN e.schema_version >= 2
            THEN (e.event_data ->> 'started_at')::timestamptz END AS started_at,
       e.occurred_at AS completed_at
  FROM health_events e
 WHERE e.event_type = 'assessment'
   AND e.source = 'assessment'
   AND e.schema_version >= 2
   AND e.related_event_id IS NULL
   AND NOT EXISTS (SELECT
                     FROM health_events n
                    WHERE n.related_event_id = e.id
                      AND n.status = 'entered-in-error');

GRANT SELECT ON assessment_responses TO novara_api;
