-- Called by core/gate.py and by the functions of the hot paths, as the owner role.
-- Finds the person of a token, then becomes novara_api with that person's settings, all local
-- to the transaction. No row: the token or the account is not valid; the settings are empty.
-- Old tokens name the person by e-mail; newer ones by id, and then both must be the person's.
-- Between two moves the old service gave people new ids; the one before is kept beside the
-- profile's answers, and with the right address it still names them.
-- p_context says who acts, for the audit log (core/origin.py).
-- A token that does not tell when it was issued holds until all sessions are ended once.
-- Whoever is inside holds their person's lock, shared: erase_person() waits for them, and they for
-- it. Somebody who was erased meanwhile is not found: in a function like this one each statement
-- has its own snapshot.
CREATE OR REPLACE FUNCTION enter_gate(
    p_user_id uuid, p_email text, p_session_id uuid, p_issued_at timestamptz,
    p_context text DEFAULT ''
)
RETURNS TABLE (tenant_id uuid, user_id uuid, time_zone text)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_user_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('person ' || p_user_id, 0));
        SELECT u.tenant_id, u.id, p.timezone
          INTO tenant_id, user_id, time_zone
          FROM users u
          JOIN user_profiles p ON p.user_id = u.id
          JOIN tenants t ON t.id = u.tenant_id
         WHERE u.id = p_user_id
           AND u.is_active
           AND t.is_active
           AND (p_email IS NULL OR u.email = lower(p_email))
           AND (p_issued_at >= date_trunc('second', u.tokens_valid_from)
                OR p_issued_at IS NULL AND u.tokens_valid_from <= u.created_at);
    ELSE
        SELECT u.tenant_id, u.id, p.timezone
          INTO tenant_id, user_id, time_zone
          FROM users u
          JOIN user_profiles p ON p.user_id = u.id
          JOIN tenants t ON t.id = u.tenant_id
         WHERE u.email = lower(p_email)
           AND u.is_active
           AND t.is_active
           AND (p_issued_at >= date_trunc('second', u.tokens_valid_from)
                OR p_issued_at IS NULL AND u.tokens_valid_from <= u.created_at);
    END IF;

    IF user_id IS NULL AND p_user_id IS NOT NULL AND p_email IS NOT NULL THEN
        SELECT u.tenant_id, u.id, p.timezone
          INTO tenant_id, user_id, time_zone
          FROM users u
          JOIN user_profiles p ON p.user_id = u.id
          JOIN tenants t ON t.id = u.tenant_id
         WHERE u.email = lower(p_email)
           AND p.extra ->> 'legacy_v1_id' = p_user_id::text
           AND u.is_active
           AND t.is_active
           AND (p_issued_at >= date_trunc('second', u.tokens_valid_from)
                OR p_issued_at IS NULL AND u.tokens_valid_from <= u.created_at);
    END IF;

    -- Found by an address or an older id, and so only locked now.
    IF user_id <> p_user_id OR p_user_id IS NULL AND user_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('person ' || user_id, 0));
        PERFORM 1
           FROM users u
          WHERE u.id = enter_gate.user_id;
        IF NOT FOUND THEN
            user_id := NULL;
            tenant_id := NULL;
        END IF;
    END IF;

    IF user_id IS NOT NULL AND p_session_id IS NOT NULL THEN
        PERFORM 1
           FROM refresh_families f
          WHERE f.id = p_session_id
            AND f.user_id = enter_gate.user_id
            AND f.revoked_at IS NULL;
        IF NOT FOUND THEN
            user_id := NULL;
            tenant_id := NULL;
        END IF;
    END IF;

    PERFORM set_config('app.context', p_context, true),
            set_config('app.tenant_id', coalesce(tenant_id::text, ''), true),
            set_config('app.user_id', coalesce(user_id::text, ''), true),
            set_config('role', 'novara_api', true);

    IF user_id IS NOT NULL THEN
        RETURN NEXT;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION enter_gate FROM PUBLIC;
