-- The erasure routine: deletes every row of a person, in every table that has a user_id, so
-- that a table added later is not forgotten; leaves a certificate. Called by accounts.services.
-- While a legal hold stands on the person or their clinic, it refuses.
-- Owned by novara_eraser, the one role whose DELETE the append-only triggers let pass.
CREATE OR REPLACE FUNCTION erase_person(p_user_id uuid, p_requested_by text, p_reason text)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    the_tenant uuid;
    person_table text;
    erased bigint;
    before bigint;
    counts jsonb := '{}';
    certificate uuid := gen_random_uuid();
BEGIN
    -- Requests and tasks of this person end first; the next ones wait, and then find nobody. See
    -- enter_gate().
    PERFORM pg_advisory_xact_lock(hashtextextended('person ' || p_user_id, 0));
    -- Who computes this person's figures at this moment ends first; see fold_metrics().
    PERFORM pg_advisory_xact_lock(hashtextextended('metrics', 0));
    SELECT tenant_id
      INTO the_tenant
      FROM users
     WHERE id = p_user_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Whoever places a legal hold waits for this, or this for them.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('audit holds', 0));
    IF EXISTS (
        SELECT
          FROM audit_legal_holds h
         WHERE h.released_at IS NULL
           AND (h.subject_id = p_user_id OR h.subject_id IS NULL AND h.tenant_id = the_tenant)
    ) THEN
        RAISE EXCEPTION 'A legal hold stands on this person or their clinic.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_hold';
    END IF;

    -- Twice: workers and the console, who enter no gate, may commit rows of this person meanwhile.
    -- Once the person's own row is deleted they cannot: its foreign keys hold them up.
    FOR round IN 1 .. 2 LOOP
        FOR person_table IN
            SELECT c.relname
              FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace
               AND c.relkind IN ('r', 'p')
               AND NOT c.relispartition
               AND a.attname = 'user_id'
               AND a.atttypid = 'uuid'::regtype
               AND c.relname <> 'django_admin_log'
             ORDER BY c.relname
        LOOP
            EXECUTE format('DELETE FROM %I WHERE user_id = $1', person_table) USING p_user_id;
            GET DIAGNOSTICS erased = ROW_COUNT;
            before := coalesce((counts ->> person_table)::bigint, 0);
            counts := counts || jsonb_build_object(person_table, before + erased);
        END LOOP;
        DELETE FROM users
         WHERE id = p_user_id;
    END LOOP;
    UPDATE django_admin_log
       SET object_repr = 'erased person'
     WHERE object_id = p_user_id::text;

    -- Last, so that it finds what the deletions above have left in the audit log.
    counts := counts || jsonb_build_object('audit_payloads', erase_audit_payloads(p_user_id));

    INSERT INTO erasure_certificates
        (id, tenant_id, subject_id, requested_by, reason, erased_row_counts, erased_at)
    VALUES
        (certificate, the_tenant, p_user_id, p_requested_by, p_reason,
         counts || '{"users": 1}', now());
    RETURN certificate;
END
$$;

REVOKE EXECUTE ON FUNCTION erase_person FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_eraser;
ALTER FUNCTION erase_person OWNER TO novara_eraser;
REVOKE CREATE ON SCHEMA public FROM novara_eraser;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION erase_person TO %I', current_user);
END
$$;
GRANT SELECT, UPDATE (object_repr) ON django_admin_log TO novara_eraser;
GRANT SELECT ON audit_legal_holds TO novara_eraser;
GRANT SELECT, DELETE ON users_groups, users_user_permissions TO novara_eraser;
