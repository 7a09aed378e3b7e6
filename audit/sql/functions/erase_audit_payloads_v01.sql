-- Takes what entries say about a person away and leaves the commitment of it, so that the chain
-- still verifies (audit/chain.py computes the same). Called by erase_person().
CREATE OR REPLACE FUNCTION erase_audit_payloads(p_person_id uuid)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    erased bigint;
BEGIN
    UPDATE audit_logs
       SET commitment = sha256(convert_to(
               salt::text || E'\n' || coalesce(network, '') || E'\n' || coalesce(details::text, ''),
               'UTF8')),
           salt = NULL,
           network = NULL,
           details = NULL
     WHERE salt IS NOT NULL
       AND (subject_id = p_person_id OR actor_id = p_person_id AND actor_kind = 'person');
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

REVOKE EXECUTE ON FUNCTION erase_audit_payloads FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_eraser;
ALTER FUNCTION erase_audit_payloads OWNER TO novara_eraser;
REVOKE CREATE ON SCHEMA public FROM novara_eraser;
GRANT SELECT, UPDATE (salt, network, details, commitment) ON audit_logs TO novara_eraser;
