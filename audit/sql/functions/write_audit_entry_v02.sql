-- Writes one entry about something that no row tells (audit/services). Requests of people write
-- none; the console writes of its own clinic alone, and never what explains to verify why something
-- is gone. Of novara_auditor, which may write entries and nothing else.
CREATE OR REPLACE FUNCTION write_audit_entry(
    p_event text, p_category text, p_tenant_id uuid, p_subject_id uuid, p_object_type text,
    p_object_id text, p_object_count integer, p_outcome text, p_details jsonb
)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o record;
    the_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF current_setting('role') IN ('none', session_user) THEN
        the_tenant := coalesce(p_tenant_id, the_tenant);
    ELSIF p_category = 'system'
          OR p_event IN ('entries-pruned', 'payloads-erased', 'database-restored') THEN
        RAISE EXCEPTION 'Only the log itself writes entries about itself.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO o FROM audit_origin();
    INSERT INTO audit_logs
        (tenant_id, category, event, outcome, actor_kind, actor_id, subject_id, object_type,
         object_id, object_count, request_id, source, network, details)
    VALUES
        (coalesce(the_tenant, '00000000-0000-0000-0000-000000000000'), p_category, p_event,
         p_outcome, o.kind, o.actor, p_subject_id, p_object_type, p_object_id, p_object_count,
         o.request, o.source, o.network, p_details);
END
$$;

REVOKE EXECUTE ON FUNCTION write_audit_entry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_audit_entry TO novara_staff;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION write_audit_entry OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION write_audit_entry TO %I', current_user);
END
$$;
