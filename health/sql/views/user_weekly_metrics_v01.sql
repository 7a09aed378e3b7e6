-- Weeks (ISO 8601: from Monday) in figures, with the columns of the old service's view and those
-- it lacked. adherence_rate is its figure: taken of taken and missed, in percent; NULL where
-- neither was reported.
CREATE VIEW user_weekly_metrics WITH (security_invoker = true) AS
SELECT d.tenant_id,
       d.user_id,
       date_trunc('week', d.local_date::timestamp)::date AS week_start,
       extract(isoyear FROM d.local_date)::integer AS iso_year,
       extract(week FROM d.local_date)::integer AS iso_week,
       count(*) AS days_with_data,
       count(*) FILTER (WHERE d.mood_entries > 0) AS days_with_mood,
       count(*) FILTER (WHERE d.medication_entries > 0) AS days_with_medication,
       count(*) FILTER (WHERE d.has_checkin) AS days_with_checkin,
       sum(d.event_count) AS total_events,
       sum(d.mood_entries) AS total_mood_entries,
       sum(d.medication_entries) AS total_medication_entries,
       sum(d.symptom_entries) AS total_symptom_entries,
       sum(d.medications_taken) AS total_medications_taken,
       sum(d.medications_missed) AS total_medications_missed,
       round(100.0 * sum(d.medications_taken)
             / nullif(sum(d.medications_taken + d.medications_missed), 0), 1) AS adherence_rate,
       sum(d.confidence_sum) / nullif(sum(d.confidence_count), 0) AS confidence_mean,
       sum(d.anxiety_sum) / nullif(sum(d.anxiety_count), 0) AS anxiety_mean,
       max(d.last_updated) AS last_updated
  FROM exact_daily_metrics d
 GROUP BY d.tenant_id, d.user_id, date_trunc('week', d.local_date::timestamp),
          extract(isoyear FROM d.local_date), extract(week FROM d.local_date);

GRANT SELECT ON user_weekly_metrics TO novara_api;
