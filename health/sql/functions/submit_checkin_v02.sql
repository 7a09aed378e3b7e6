-- The hot path of POST /api/checkins (health/checkin_rows.py): the gate and add_checkin in one
-- round trip. No row: the gate refuses.
DROP FUNCTION IF EXISTS submit_checkin(uuid, text, uuid, timestamptz, jsonb);

CREATE OR REPLACE FUNCTION submit_checkin(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz, p_item jsonb,
    p_context text
)
RETURNS TABLE (tenant_id text, user_id text, time_zone text, answer text)
LANGUAGE plpgsql AS $$
DECLARE
    me record;
BEGIN
    SELECT *
      INTO me
      FROM enter_gate(p_user_id, p_email, p_session_id, p_issued_at, p_context);
    IF me.user_id IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT me.tenant_id::text, me.user_id::text, me.time_zone,
           add_checkin(me.tenant_id, me.user_id, me.time_zone, p_item);
END
$$;

REVOKE EXECUTE ON FUNCTION submit_checkin FROM PUBLIC;
