-- Writes one entry for each of several people's records that somebody looks at in one go
-- (audit/services). As write_audit_entry(): inside a gate of their own tenant alone.
CREATE OR REPLACE FUNCTION write_audit_entries(
    p_event text, p_category text, p_object_type text, p_details jsonb, p_records jsonb
)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o record;
    the_tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    is_of_all boolean := current_setting('role') IN ('none', session_user);
    house uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF NOT is_of_all
       AND (p_category = 'system'
            OR p_event IN ('entries-pruned', 'payloads-erased', 'database-restored')) THEN
        RAISE EXCEPTION 'Only the log itself writes entries about itself.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT * INTO o FROM audit_origin();
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
         object_count, request_id, source, network, details)
    SELECT CASE WHEN is_of_all THEN coalesce(r.tenant_id, the_tenant, house)
                ELSE coalesce(the_tenant, house) END,
           p_category, p_event, o.kind, o.actor, r.subject_id, p_object_type,
           coalesce(r.object_id, ''), coalesce(r.object_count, 1), o.request, o.source, o.network,
           p_details
      FROM jsonb_to_recordset(p_records)
           AS r (tenant_id uuid, subject_id uuid, object_id text, object_count integer);
END
$$;

REVOKE EXECUTE ON FUNCTION write_audit_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_audit_entries TO novara_staff;
GRANT CREATE ON SCHEMA public TO novara_auditor;
ALTER FUNCTION write_audit_entries OWNER TO novara_auditor;
REVOKE CREATE ON SCHEMA public FROM novara_auditor;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION write_audit_entries TO %I', current_user);
END
$$;
