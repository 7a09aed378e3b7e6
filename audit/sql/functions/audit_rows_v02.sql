-- Trigger function: rows of people (id, tenant_id, user_id) that were inserted or deleted, in
-- whatever way. One entry for each person and statement, with the ids of up to 1,000 rows.
CREATE OR REPLACE FUNCTION audit_rows()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o record;
    what text := CASE TG_OP WHEN 'INSERT' THEN 'row-inserted' ELSE 'row-deleted' END;
BEGIN
    o := audit_origin();
    -- A single row, as most are, needs no groups: a fifth of what the log costs a write.
    IF (SELECT count(*) FROM changed) = 1 THEN
        INSERT INTO audit_logs
            (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
             request_id, source, network)
        SELECT c.tenant_id, 'change', what, o.kind, o.actor, c.user_id, TG_TABLE_NAME, c.id::text,
               o.request, o.source, o.network
          FROM changed c;
        RETURN NULL;
    END IF;
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
         object_count, request_id, source, network, details)
    SELECT c.tenant_id, 'change', what, o.kind, o.actor, c.user_id, TG_TABLE_NAME,
           CASE WHEN count(*) = 1 THEN min(c.id::text) ELSE '' END, count(*), o.request, o.source,
           o.network,
           CASE WHEN count(*) BETWEEN 2 AND 1000 THEN jsonb_build_object('ids', jsonb_agg(c.id)) END
      FROM changed c
     GROUP BY c.tenant_id, c.user_id;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_rows FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION audit_rows OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
