-- Trigger function: a change of a row that is an event by itself, whoever makes it and in whatever
-- way, such as rights that somebody is given. Arguments: the event; its category; columns that may
-- be shown; the columns that hold the row's key, its tenant and its person, where it has them;
-- columns of which it is told that they changed, and not what is in them.
CREATE OR REPLACE FUNCTION audit_event()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o record;
    was jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    new_one jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    either jsonb := was || new_one;
BEGIN
    SELECT * INTO o FROM audit_origin();
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
         request_id, source, network, details)
    VALUES
        (coalesce((either ->> TG_ARGV[4])::uuid, '00000000-0000-0000-0000-000000000000'),
         TG_ARGV[1], TG_ARGV[0], o.kind, o.actor, (either ->> TG_ARGV[5])::uuid, TG_TABLE_NAME,
         either ->> TG_ARGV[3], o.request, o.source, o.network,
         jsonb_build_object('changed', (
             SELECT coalesce(jsonb_object_agg(
                        name,
                        CASE WHEN is_shown
                             THEN jsonb_build_object('from', was -> name, 'to', new_one -> name)
                             ELSE '"masked"' END), '{}')
               FROM (SELECT unnest(string_to_array(TG_ARGV[2], ',')) AS name, true AS is_shown
                      UNION ALL
                     SELECT unnest(string_to_array(TG_ARGV[6], ',')), false) c
              WHERE was -> name IS DISTINCT FROM new_one -> name)));
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_event FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION audit_event OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
