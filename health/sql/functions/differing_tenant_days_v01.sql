-- Days whose tenant_daily_metrics are not the sum of their user_daily_metrics, and what they
-- should be (NULL: nothing). In one snapshot. Called by rebuild_tenant_metrics() and by the
-- command verify_metrics. A day that everybody has taken back may stand there, with nobody.
CREATE OR REPLACE FUNCTION differing_tenant_days()
RETURNS TABLE (
    tenant_id uuid, local_date date, stored tenant_daily_metrics, fresh tenant_daily_metrics
)
LANGUAGE sql STABLE AS $$
    WITH fresh AS (
        SELECT s.tenant_id, s.local_date,
               jsonb_populate_record(
                   NULL::tenant_daily_metrics,
                   jsonb_build_object(
                       'tenant_id', s.tenant_id, 'local_date', s.local_date,
                       'person_count', count(*),
                       'checkin_count', count(*) FILTER (WHERE s.has_checkin),
                       'event_count', sum(s.event_count),
                       'medications_taken', sum(s.medications_taken),
                       'medications_missed', sum(s.medications_missed),
                       'symptoms_reported', sum(s.symptoms_reported),
                       'assessment_entries', sum(s.assessment_entries),
                       'confidence_count', sum(s.confidence_count),
                       'confidence_sum', coalesce(sum(s.confidence_sum), 0),
                       'anxiety_count', sum(s.anxiety_count),
                       'anxiety_sum', coalesce(sum(s.anxiety_sum), 0)
                   )
               ) AS f
          FROM user_daily_metrics s
         GROUP BY s.tenant_id, s.local_date
    ),
    stored AS (
        SELECT t.tenant_id, t.local_date, t
          FROM tenant_daily_metrics t
         WHERE (t.person_count, t.checkin_count, t.event_count, t.medications_taken,
                t.medications_missed, t.symptoms_reported, t.assessment_entries,
                t.confidence_count, t.confidence_sum, t.anxiety_count, t.anxiety_sum)
               <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    )
    SELECT d.tenant_id, d.local_date, t, f
      FROM fresh
      FULL JOIN stored USING (tenant_id, local_date) AS d
     WHERE f IS DISTINCT FROM t
$$;

REVOKE EXECUTE ON FUNCTION differing_tenant_days FROM PUBLIC;
