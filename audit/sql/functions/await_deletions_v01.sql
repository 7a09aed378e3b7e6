-- Trigger function: whoever places or releases a legal hold waits for those who delete at this
-- moment (erase_person, prune_audit_logs), and they for the hold.
CREATE OR REPLACE FUNCTION await_deletions()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit holds', 0));
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION await_deletions FROM PUBLIC;
