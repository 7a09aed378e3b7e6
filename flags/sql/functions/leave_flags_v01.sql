-- Trigger function of users: who is deleted leaves the lists of all flags, by id and by address.
-- SQL, so that no way of deleting somebody forgets it. Runs as the erasure routine's role, too.
CREATE OR REPLACE FUNCTION leave_flags()
RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    the_flag record;
BEGIN
    FOR the_flag IN
        SELECT f.id,
               encode(sha256(convert_to(f.salt || ':' || OLD.email, 'UTF8')), 'hex') AS address
          FROM feature_flags f
         WHERE OLD.id = ANY (f.enabled_user_ids || f.disabled_user_ids)
            OR encode(sha256(convert_to(f.salt || ':' || OLD.email, 'UTF8')), 'hex')
               = ANY (f.enabled_user_emails || f.disabled_user_emails)
    LOOP
        UPDATE feature_flags f
           SET enabled_user_ids = array_remove(f.enabled_user_ids, OLD.id),
               disabled_user_ids = array_remove(f.disabled_user_ids, OLD.id),
               enabled_user_emails = array_remove(f.enabled_user_emails, the_flag.address),
               disabled_user_emails = array_remove(f.disabled_user_emails, the_flag.address)
         WHERE f.id = the_flag.id;
    END LOOP;
    RETURN OLD;
END
$$;

REVOKE EXECUTE ON FUNCTION leave_flags FROM PUBLIC;
GRANT SELECT (id, salt, enabled_user_ids, disabled_user_ids, enabled_user_emails,
              disabled_user_emails),
      UPDATE (enabled_user_ids, disabled_user_ids, enabled_user_emails, disabled_user_emails)
   ON feature_flags TO novara_eraser;
GRANT SELECT (version), UPDATE (version, changed_at) ON feature_flag_rule_sets TO novara_eraser;
