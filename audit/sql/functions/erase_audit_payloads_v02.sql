-- Takes what entries say about a person away and leaves the commitment of it, so that the chain
-- still verifies (audit/chain.py computes the same). Called by erase_person(). It tells the log, in
-- an entry that retention never deletes, so that verify knows why the payloads are not there.
CREATE OR REPLACE FUNCTION erase_audit_payloads(p_person_id uuid)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    told jsonb;
    one jsonb;
    erased bigint;
BEGIN
    -- Two statements, as each has an index; no entry is of both.
    WITH about_them AS (
        UPDATE audit_logs
           SET commitment = sha256(convert_to(
                   salt::text || E'\n' || coalesce('=' || network, '') || E'\n'
                   || coalesce(details::text, ''),
                   'UTF8')),
               salt = NULL,
               network = NULL,
               details = NULL
         WHERE subject_id = p_person_id
           AND salt IS NOT NULL
        RETURNING tenant_id
    ), by_them AS (
        UPDATE audit_logs
           SET commitment = sha256(convert_to(
                   salt::text || E'\n' || coalesce('=' || network, '') || E'\n'
                   || coalesce(details::text, ''),
                   'UTF8')),
               salt = NULL,
               network = NULL,
               details = NULL
         WHERE actor_id = p_person_id
           AND actor_kind = 'person'
           AND subject_id IS DISTINCT FROM actor_id
           AND salt IS NOT NULL
        RETURNING tenant_id
    ), by_tenant AS (
        SELECT e.tenant_id, count(*) AS entries
          FROM (SELECT tenant_id FROM about_them
                 UNION ALL
                SELECT tenant_id FROM by_them) e
         GROUP BY e.tenant_id
    )
    SELECT coalesce(sum(t.entries), 0), coalesce(jsonb_agg(to_jsonb(t)), '[]')
      INTO erased, told
      FROM by_tenant t;

    FOR one IN SELECT * FROM jsonb_array_elements(told) LOOP
        PERFORM write_audit_entry(
            'payloads-erased', 'system', (one ->> 'tenant_id')::uuid, p_person_id, 'audit_logs', '',
            (one ->> 'entries')::integer, 'success', NULL
        );
    END LOOP;
    RETURN erased;
END
$$;

REVOKE EXECUTE ON FUNCTION erase_audit_payloads FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_eraser;
ALTER FUNCTION erase_audit_payloads OWNER TO novara_eraser;
REVOKE CREATE ON SCHEMA public FROM novara_eraser;
GRANT EXECUTE ON FUNCTION write_audit_entry TO novara_eraser;
GRANT SELECT, UPDATE (salt, network, details, commitment) ON audit_logs TO novara_eraser;
