-- Trigger function of users: who is deleted leaves the lists of all flags, by id and by address, in
-- what they are, what they were, and what waits for a second person; from there somebody could bring
-- them back. SQL, so that no way of deleting somebody forgets it. Owned by novara_eraser, as the
-- history lets only that role pass.
CREATE OR REPLACE FUNCTION leave_flags()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    the_flag record;
BEGIN
    -- As all who change flags (find_locked), before anything is read: who puts them on a list at
    -- this moment ends first.
    PERFORM FROM feature_flag_rule_sets FOR UPDATE;
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
    UPDATE feature_flag_versions
       SET definition_json = flag_definition_without(definition_json, OLD.id, OLD.email)
     WHERE definition_json <> flag_definition_without(definition_json, OLD.id, OLD.email);
    UPDATE feature_flag_change_requests
       SET definition_json = flag_definition_without(definition_json, OLD.id, OLD.email)
     WHERE definition_json <> flag_definition_without(definition_json, OLD.id, OLD.email);
    RETURN OLD;
END
$$;

REVOKE EXECUTE ON FUNCTION leave_flags FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_eraser;
ALTER FUNCTION leave_flags OWNER TO novara_eraser;
REVOKE CREATE ON SCHEMA public FROM novara_eraser;
GRANT SELECT (id, salt, enabled_user_ids, disabled_user_ids, enabled_user_emails,
              disabled_user_emails),
      UPDATE (enabled_user_ids, disabled_user_ids, enabled_user_emails, disabled_user_emails)
   ON feature_flags TO novara_eraser;
GRANT SELECT (version), UPDATE (version, changed_at) ON feature_flag_rule_sets TO novara_eraser;
GRANT SELECT (definition_json), UPDATE (definition_json)
   ON feature_flag_versions, feature_flag_change_requests TO novara_eraser;
