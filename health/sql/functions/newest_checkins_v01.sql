-- The hot path of GET /api/checkins (health/checkin_rows.py): the gate and a person's newest
-- check-ins in one round trip, as a JSON array of rows. NULL: the gate refuses.
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
              FROM (SELECT c.*
                      FROM daily_checkins c
                     WHERE c.user_id = me.user_id
                       AND c.deleted_at IS NULL
                     ORDER BY c.date_submitted DESC
                     LIMIT p_limit) r);
END
$$;

REVOKE EXECUTE ON FUNCTION newest_checkins FROM PUBLIC;
