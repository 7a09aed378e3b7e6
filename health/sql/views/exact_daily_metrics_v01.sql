-- Days in figures, exact at any moment: what is stored, and for days that have changed since, the
-- same definition computed now. One statement, so one snapshot. Read by analytics/queries.py and by
-- user_weekly_metrics. OFFSET 0 keeps Postgres from joining days with marks, whose number it
-- misjudges. The days of the second part are the marks' own, so that only those asked for are read.
CREATE VIEW exact_daily_metrics WITH (security_invoker = true) AS
SELECT s.*
  FROM user_daily_metrics s
 WHERE NOT EXISTS (SELECT
                     FROM metric_marks m
                    WHERE m.user_id = s.user_id
                      AND m.local_date = s.local_date
                   OFFSET 0)
 UNION ALL
SELECT d.local_date,
       f.event_count, f.mood_entries, f.medication_entries, f.symptom_entries,
       f.assessment_entries, f.vital_entries, f.treatment_entries, f.appointment_entries,
       f.note_entries, f.sleep_entries, f.exercise_entries, f.has_checkin, f.latest_mood,
       f.moods, f.confidence_count, f.confidence_sum, f.confidence_min, f.confidence_max,
       f.confidence_last, f.anxiety_count, f.anxiety_sum, f.anxiety_min, f.anxiety_max,
       f.anxiety_last, f.medications_taken, f.medications_missed, f.medications_skipped,
       f.medications_partial, f.missed_doses, f.symptoms_reported, f.symptoms, f.triggers,
       f.concerns, f.severity_count, f.severity_sum, f.severity_min, f.severity_max,
       f.assessments, f.sleep_hours_count, f.sleep_hours_sum, f.sleep_quality_count,
       f.sleep_quality_sum, f.exercise_minutes, f.first_event_at, f.last_event_at,
       f.last_updated, f.tenant_id,
       d.user_id
  FROM (SELECT DISTINCT m.user_id, m.local_date FROM metric_marks m) d
 CROSS JOIN LATERAL fold_events(d.user_id, d.local_date, d.local_date) f;

GRANT SELECT ON exact_daily_metrics TO novara_api;
