-- Trigger function: a table that was emptied by TRUNCATE, which fires no triggers for its
-- rows. Nothing of ours does that, so alerts may count it.
CREATE OR REPLACE FUNCTION audit_truncation()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, object_type, request_id, source, network)
    SELECT '00000000-0000-0000-0000-000000000000', 'security', 'rows-truncated', o.kind, o.actor,
           TG_TABLE_NAME, o.request, o.source, o.network
      FROM audit_origin() o;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_truncation FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION audit_truncation OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
