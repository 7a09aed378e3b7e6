-- The check-ins as the old service would show them, built from the events that hold now: one
-- row per check-in, all V1 columns; what has no column is in `extra`. For reports, comparisons
-- (the rows of daily_checkins say the same) and whoever reads the old view in SQL.
CREATE VIEW daily_checkins_legacy WITH (security_invoker = true) AS
WITH part AS (
    SELECT e.*
      FROM health_events e
     WHERE e.source = 'checkin'
       AND e.correlation_id IS NOT NULL
       AND e.status <> 'entered-in-error'
       AND NOT EXISTS (SELECT
                         FROM health_events n
                        WHERE n.related_event_id =
                              CASE WHEN e.related_event_id IS NULL
                                   THEN e.id ELSE e.related_event_id END
                          AND n.tenant_id = e.tenant_id
                          AND n.version > e.version)
),
checkin AS (
    SELECT p.correlation_id AS id,
           p.tenant_id,
           p.user_id,
           min(p.local_date) AS date_submitted,
           min(f.recorded_at) AS created_at,
           max(p.recorded_at) AS updated_at,
           jsonb_object_agg(p.event_type, p.event_data) AS said
      FROM part p
      JOIN health_events f
        ON f.id = CASE WHEN p.related_event_id IS NULL THEN p.id ELSE p.related_event_id END
       AND f.tenant_id = p.tenant_id
     GROUP BY p.correlation_id, p.tenant_id, p.user_id
)
SELECT c.id,
       c.tenant_id,
       c.user_id,
       c.date_submitted,
       c.said #>> '{mood,mood}' AS mood_today,
       (c.said #>> '{mood,confidence}')::smallint AS confidence_today,
       c.said #>> '{medication,reported}' AS medication_taken,
       c.said #>> '{mood,note}' AS user_note,
       c.said #>> '{mood,primary_concern}' AS primary_concern_today,
       (c.said #>> '{mood,anxiety_level}')::smallint AS anxiety_level,
       json_texts(c.said #> '{symptom,symptoms}') AS side_effects,
       (c.said #>> '{medication,missed_doses}')::integer AS missed_doses,
       (c.said #>> '{mood,injection_confidence}')::smallint AS injection_confidence,
       (c.said #>> '{appointment,within_3_days}')::boolean AS appointment_within_3_days,
       (c.said #>> '{appointment,anxiety}')::smallint AS appointment_anxiety,
       json_texts(c.said #> '{note,strategies}') AS coping_strategies_used,
       (c.said #>> '{mood,partner_involved}')::boolean AS partner_involved_today,
       json_texts(c.said #> '{mood,info_needs}') AS wish_knew_more_about,
       (c.said #>> '{assessment,total_score}')::smallint AS phq4_score,
       (c.said #>> '{assessment,anxiety_score}')::smallint AS phq4_anxiety,
       (c.said #>> '{assessment,depression_score}')::smallint AS phq4_depression,
       c.said #>> '{mood,extra,sentiment}' AS sentiment,
       json_number(c.said #> '{mood,extra,sentiment_confidence}') AS sentiment_confidence,
       c.said #> '{mood,extra,sentiment_scores}' AS sentiment_scores,
       json_number(c.said #> '{mood,extra,sentiment_processing_time}')
           AS sentiment_processing_time,
       json_number(c.said #> '{mood,extra,medication_confidence_today}')
           AS medication_confidence_today,
       c.said #>> '{mood,extra,medication_concern_today}' AS medication_concern_today,
       json_number(c.said #> '{mood,extra,financial_stress_today}') AS financial_stress_today,
       c.said #>> '{mood,extra,financial_concern_today}' AS financial_concern_today,
       json_number(c.said #> '{mood,extra,journey_readiness_today}') AS journey_readiness_today,
       c.said #>> '{mood,extra,top_concern_today}' AS top_concern_today,
       coalesce(c.said #> '{mood,extra}', '{}') AS extra,
       c.created_at,
       c.updated_at
  FROM checkin c;

GRANT SELECT ON daily_checkins_legacy TO novara_api;
