-- Trigger function of the chain: nobody changes or deletes a link. Only novara_pruner, by the one
-- function it owns, takes leaves away of which no entry is left, and notes what it kept; the hash stays what it was.
CREATE OR REPLACE FUNCTION refuse_seal_change()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'novara_pruner'
       AND to_jsonb(NEW) - '{pruned,kept,entry_ids,leaves}'::text[]
           = to_jsonb(OLD) - '{pruned,kept,entry_ids,leaves}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The chain of the audit log is append-only: % of % is refused.',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION refuse_seal_change FROM PUBLIC;
