-- Trigger function: rows that were changed, and rows of tables that are no person's. One entry for
-- each row, with the names of the columns that changed; what was in them only where the trigger
-- says that it may be shown. Arguments: columns that may be shown; columns whose change alone is
-- no event; the columns that hold the row's key, its tenant and its person, where it has them.
CREATE OR REPLACE FUNCTION audit_changes()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o record;
    shown text[] := string_to_array(TG_ARGV[0], ',');
    ignored text[] := string_to_array(TG_ARGV[1], ',');
    key text := coalesce(TG_ARGV[2], 'id');
    tenant text := coalesce(TG_ARGV[3], 'tenant_id');
    person text := coalesce(TG_ARGV[4], 'user_id');
    what text := 'row-' || CASE TG_OP WHEN 'INSERT' THEN 'inserted' WHEN 'UPDATE' THEN 'updated'
                                      ELSE 'deleted' END;
    house uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    SELECT * INTO o FROM audit_origin();
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO audit_logs
            (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
             request_id, source, network, details)
        SELECT coalesce((r.was ->> tenant)::uuid, (r.is ->> tenant)::uuid, house), 'change', what,
               o.kind, o.actor, coalesce(r.was ->> person, r.is ->> person)::uuid, TG_TABLE_NAME,
               coalesce(r.was ->> key, r.is ->> key), o.request, o.source, o.network,
               jsonb_build_object('changed', d.changed)
          FROM (SELECT b.was, a.is
                  FROM (SELECT to_jsonb(x) AS was FROM before_it x) b
                  FULL JOIN (SELECT to_jsonb(x) AS is FROM changed x) a
                            ON a.is ->> key = b.was ->> key) r
         CROSS JOIN LATERAL (
               SELECT jsonb_object_agg(
                          coalesce(w.key, i.key),
                          CASE WHEN coalesce(w.key, i.key) = ANY (shown)
                               THEN jsonb_build_object('from', w.value, 'to', i.value)
                               ELSE '"masked"' END) AS changed
                 FROM jsonb_each(coalesce(r.was, '{}')) w
                 FULL JOIN jsonb_each(coalesce(r.is, '{}')) i ON i.key = w.key
                WHERE w.value IS DISTINCT FROM i.value
                  AND NOT coalesce(w.key, i.key) = ANY (ignored)
               ) d
         WHERE d.changed IS NOT NULL;
        RETURN NULL;
    END IF;
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
         request_id, source, network, details)
    SELECT coalesce((r.is ->> tenant)::uuid, house), 'change', what, o.kind, o.actor,
           (r.is ->> person)::uuid, TG_TABLE_NAME, r.is ->> key, o.request, o.source, o.network,
           (SELECT jsonb_build_object('shown', jsonb_object_agg(v.key, v.value))
              FROM jsonb_each(r.is) v
             WHERE v.key = ANY (shown)
            HAVING count(*) > 0)
      FROM (SELECT to_jsonb(x) AS is FROM changed x) r;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_changes FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION audit_changes OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
