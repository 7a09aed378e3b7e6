-- Trigger function of the audit log: nobody changes or deletes an entry. Two roles are let pass,
-- each by one function it owns: novara_pruner deletes what retention says (prune_audit_logs), and
-- novara_eraser takes the payload of an erased person away and leaves its commitment
-- (erase_audit_payloads). Generated columns are empty here, before they are computed.
CREATE OR REPLACE FUNCTION refuse_audit_change()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'novara_pruner' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND current_user = 'novara_eraser' AND NEW.network IS NULL
       AND NEW.commitment IS NOT NULL AND NEW.salt IS NULL AND NEW.details IS NULL
       AND to_jsonb(NEW) - '{salt,network,details,commitment,is_notable}'::text[]
           = to_jsonb(OLD) - '{salt,network,details,commitment,is_notable}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only: % of % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION refuse_audit_change FROM PUBLIC;
