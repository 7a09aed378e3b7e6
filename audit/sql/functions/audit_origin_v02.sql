-- Who acts in this transaction: what the gate was told (core/origin.py), the person inside the
-- gate, or, where nothing was told, the connection. For the functions that write the audit log.
CREATE OR REPLACE FUNCTION audit_origin(
    OUT kind text, OUT actor uuid, OUT request text, OUT source text, OUT network text
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    context text := coalesce(current_setting('app.context', true), '');
BEGIN
    IF context = '' THEN
        source := current_setting('application_name');
        kind := CASE WHEN source LIKE 'novara %' THEN 'system' ELSE 'database' END;
        -- Our own connections are named after the service; of others it is told who logged in.
        IF kind = 'database' THEN
            source := session_user || ' ' || source;
        END IF;
        source := left(source, 200);
        request := '';
    ELSE
        kind := split_part(context, ' ', 1);
        actor := nullif(split_part(context, ' ', 2), '-')::uuid;
        request := CASE split_part(context, ' ', 3) WHEN '-' THEN '' ELSE split_part(context, ' ', 3) END;
        network := nullif(split_part(context, ' ', 4), '-');
        source := split_part(context, ' ', 5);
    END IF;
    IF kind IN ('anonymous', 'database') AND current_setting('role') = 'novara_api' THEN
        actor := nullif(current_setting('app.user_id', true), '')::uuid;
        kind := CASE WHEN actor IS NULL THEN kind ELSE 'person' END;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_origin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_origin TO novara_auditor;
