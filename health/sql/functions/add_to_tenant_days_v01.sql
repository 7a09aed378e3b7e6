-- Trigger function of user_daily_metrics: keeps tenant_daily_metrics as its sum, whoever writes or
-- deletes rows. Those who do (fold, rebuild, erasure) hold one lock, so that they never wait for
-- each other in different orders.
CREATE OR REPLACE FUNCTION add_to_tenant_days()
RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO tenant_daily_metrics AS t
        (tenant_id, local_date, person_count, checkin_count, event_count, medications_taken,
         medications_missed, symptoms_reported, assessment_entries, confidence_count,
         confidence_sum, anxiety_count, anxiety_sum)
    SELECT c.tenant_id, c.local_date, sign * count(*),
           sign * count(*) FILTER (WHERE c.has_checkin), sign * sum(c.event_count),
           sign * sum(c.medications_taken), sign * sum(c.medications_missed),
           sign * sum(c.symptoms_reported), sign * sum(c.assessment_entries),
           sign * sum(c.confidence_count), sign * coalesce(sum(c.confidence_sum), 0),
           sign * sum(c.anxiety_count), sign * coalesce(sum(c.anxiety_sum), 0)
      FROM changed c
     GROUP BY c.tenant_id, c.local_date
     ORDER BY c.tenant_id, c.local_date
        ON CONFLICT (tenant_id, local_date)
        DO UPDATE
       SET person_count = t.person_count + excluded.person_count,
           checkin_count = t.checkin_count + excluded.checkin_count,
           event_count = t.event_count + excluded.event_count,
           medications_taken = t.medications_taken + excluded.medications_taken,
           medications_missed = t.medications_missed + excluded.medications_missed,
           symptoms_reported = t.symptoms_reported + excluded.symptoms_reported,
           assessment_entries = t.assessment_entries + excluded.assessment_entries,
           confidence_count = t.confidence_count + excluded.confidence_count,
           confidence_sum = t.confidence_sum + excluded.confidence_sum,
           anxiety_count = t.anxiety_count + excluded.anxiety_count,
           anxiety_sum = t.anxiety_sum + excluded.anxiety_sum;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION add_to_tenant_days FROM PUBLIC;
