-- The hot path of GET /api/checkins (health/checkin_rows.py): the gate and a person's newest
-- check-ins in one round trip, as a JSON array of {"shown", "rest"}: what every check-in shows
-- (checkin_shape), and what only this one says beside it, null for most. NULL: the gate refuses.
CREATE OR REPLACE FUNCTION newest_checkins(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz, p_limit integer
)
RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    me record;
BEGIN
    SELECT *
      INTO me
      FROM enter_gate(p_user_id, p_email, p_session_id, p_issued_at);
    IF me.user_id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT coalesce(json_agg(r), '[]')
              FROM (SELECT row_to_json(ROW(
                               c.mood_today, c.confidence_today, c.user_note,
                               c.primary_concern_today, c.anxiety_level, c.injection_confidence,
                               c.partner_involved_today, c.wish_knew_more_about,
                               c.medication_taken, c.missed_doses, c.side_effects,
                               c.appointment_within_3_days, c.appointment_anxiety,
                               c.coping_strategies_used, c.phq4_score, c.phq4_anxiety,
                               c.phq4_depression, NULL, NULL, NULL, NULL, NULL, NULL, c.id,
                               c.user_id, c.date_submitted,
                               replace(to_char(c.created_at AT TIME ZONE 'UTC',
                                               'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                       '.000000Z', 'Z')
                           )::checkin_shape) AS shown,
                           CASE
                               WHEN num_nonnulls(
                                        c.sentiment, c.sentiment_confidence, c.sentiment_scores,
                                        c.sentiment_processing_time,
                                        c.medication_confidence_today,
                                        c.medication_concern_today, c.financial_stress_today,
                                        c.financial_concern_today, c.journey_readiness_today,
                                        c.top_concern_today) > 0
                               THEN c.extra || (SELECT jsonb_object_agg(f.key, f.value)
                                                  FROM jsonb_each(to_jsonb(c)) f
                                                 WHERE f.value <> 'null'
                                                   AND f.key IN (
                                                       'sentiment', 'sentiment_confidence',
                                                       'sentiment_scores',
                                                       'sentiment_processing_time',
                                                       'medication_confidence_today',
                                                       'medication_concern_today',
                                                       'financial_stress_today',
                                                       'financial_concern_today',
                                                       'journey_readiness_today',
                                                       'top_concern_today'))
                               WHEN c.extra <> '{}' THEN c.extra
                           END AS rest
                      FROM daily_checkins c
                     WHERE c.user_id = me.user_id
                       AND c.deleted_at IS NULL
                     ORDER BY c.date_submitted DESC
                     LIMIT p_limit) r);
END
$$;

REVOKE EXECUTE ON FUNCTION newest_checkins FROM PUBLIC;
