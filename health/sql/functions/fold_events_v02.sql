-- What user_daily_metrics says of a person's days (both ends included), computed from the events
-- that hold now. The one definition: fold_metrics() and rebuild_metrics() store it, the view
-- exact_daily_metrics shows it for days that have changed since, verify_metrics compares.
-- A local date begins at UTC+14 and ends at UTC-12. CASE, not coalesce: under row-level security
-- an index serves only what is known not to leak. Not jsonb_agg(): it costs the square of what the
-- lists hold, forty seconds for those of one request.
CREATE OR REPLACE FUNCTION fold_events(p_user_id uuid, p_first date, p_last date)
RETURNS SETOF user_daily_metrics
LANGUAGE sql STABLE AS $$
    WITH effective AS (
        SELECT e.tenant_id, e.user_id, e.local_date, e.event_type, e.event_subtype, e.event_data,
               e.source, e.occurred_at, e.id, e.recorded_at,
               CASE WHEN e.event_type = 'mood'
                    THEN json_number(e.event_data -> 'confidence') END AS confidence,
               CASE WHEN e.event_type = 'mood'
                    THEN json_number(e.event_data -> 'anxiety_level') END AS anxiety,
               CASE WHEN e.event_type = 'symptom'
                    THEN json_number(e.event_data -> 'severity') END AS severity,
               CASE WHEN e.event_type = 'sleep'
                    THEN json_number(e.event_data -> 'hours') END AS hours,
               CASE WHEN e.event_type = 'sleep'
                    THEN json_number(e.event_data -> 'quality') END AS quality,
               -- The daily form reports in its own words.
               CASE WHEN e.event_type = 'medication'
                    THEN CASE WHEN e.event_data ? 'status' THEN e.event_data ->> 'status'
                              WHEN e.event_data ->> 'reported' = 'yes' THEN 'taken'
                              WHEN e.event_data ->> 'reported' = 'no' THEN 'missed'
                              WHEN e.event_data ->> 'reported' = 'partial' THEN 'partial'
                         END
               END AS dose
          FROM health_events e
         WHERE e.user_id = p_user_id
           AND e.occurred_at >= p_first::timestamp AT TIME ZONE 'UTC' - interval '14 hours'
           AND e.occurred_at < p_last::timestamp AT TIME ZONE 'UTC' + interval '36 hours'
           AND e.local_date BETWEEN p_first AND p_last
           AND e.status <> 'entered-in-error'
           AND NOT EXISTS (SELECT
                             FROM health_events n
                            WHERE n.related_event_id =
                                  CASE WHEN e.related_event_id IS NULL
                                       THEN e.id ELSE e.related_event_id END
                              AND n.version > e.version)
         ORDER BY e.occurred_at, e.id
    )
    SELECT e.local_date,
           count(*)::integer,
           (count(*) FILTER (WHERE e.event_type = 'mood'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'medication'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'symptom'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'assessment'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'vital'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'treatment'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'appointment'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'note'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'sleep'))::integer,
           (count(*) FILTER (WHERE e.event_type = 'exercise'))::integer,
           bool_or(e.source = 'checkin'),
           (array_agg(e.event_data ->> 'mood' ORDER BY e.occurred_at, e.id)
                FILTER (WHERE e.event_type = 'mood' AND e.event_data ->> 'mood' IS NOT NULL))
               [count(*) FILTER (WHERE e.event_type = 'mood'
                                   AND e.event_data ->> 'mood' IS NOT NULL)],
           array_agg(e.event_data ->> 'mood' ORDER BY e.occurred_at, e.id)
               FILTER (WHERE e.event_type = 'mood' AND e.event_data ->> 'mood' IS NOT NULL),
           count(e.confidence)::integer,
           sum(e.confidence),
           min(e.confidence),
           max(e.confidence),
           (array_agg(e.confidence ORDER BY e.occurred_at, e.id)
                FILTER (WHERE e.confidence IS NOT NULL))[count(e.confidence)],
           count(e.anxiety)::integer,
           sum(e.anxiety),
           min(e.anxiety),
           max(e.anxiety),
           (array_agg(e.anxiety ORDER BY e.occurred_at, e.id)
                FILTER (WHERE e.anxiety IS NOT NULL))[count(e.anxiety)],
           (count(*) FILTER (WHERE e.dose = 'taken'))::integer,
           (count(*) FILTER (WHERE e.dose = 'missed'))::integer,
           (count(*) FILTER (WHERE e.dose = 'skipped'))::integer,
           (count(*) FILTER (WHERE e.dose = 'partial'))::integer,
           coalesce(sum(json_number(e.event_data -> 'missed_doses'))
                        FILTER (WHERE e.event_type = 'medication'), 0),
           coalesce(sum(jsonb_array_length(e.event_data -> 'symptoms'))
                        FILTER (WHERE e.event_type = 'symptom'
                                  AND jsonb_typeof(e.event_data -> 'symptoms') = 'array'),
                    0)::integer,
           to_jsonb(array_agg(e.event_data -> 'symptoms' ORDER BY e.occurred_at, e.id)
                        FILTER (WHERE e.event_type = 'symptom'
                                  AND jsonb_typeof(e.event_data -> 'symptoms') = 'array')),
           to_jsonb(array_agg(e.event_data -> 'triggers' ORDER BY e.occurred_at, e.id)
                        FILTER (WHERE jsonb_typeof(e.event_data -> 'triggers') = 'array')),
           array_agg(e.event_data ->> 'primary_concern' ORDER BY e.occurred_at, e.id)
               FILTER (WHERE e.event_type = 'mood'
                         AND e.event_data ->> 'primary_concern' IS NOT NULL),
           count(e.severity)::integer,
           sum(e.severity),
           min(e.severity),
           max(e.severity),
           to_jsonb(array_agg(jsonb_build_array(e.event_subtype, e.event_data -> 'total_score')
                              ORDER BY e.occurred_at, e.id)
                        FILTER (WHERE e.event_type = 'assessment')),
           count(e.hours)::integer,
           sum(e.hours),
           count(e.quality)::integer,
           sum(e.quality),
           coalesce(sum(json_number(e.event_data -> 'minutes'))
                        FILTER (WHERE e.event_type = 'exercise'), 0),
           min(e.occurred_at),
           max(e.occurred_at),
           max(e.recorded_at),
           e.tenant_id,
           e.user_id
      FROM effective e
     GROUP BY e.tenant_id, e.user_id, e.local_date
$$;

REVOKE EXECUTE ON FUNCTION fold_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fold_events TO novara_api;
