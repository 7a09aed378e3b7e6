-- Trigger function of user_profiles: keeps the zone that a person has left, so that what was
-- planned by its clock stays where it was (accounts/queries.py: time_zones). Not now(), which is
-- the same for two changes in one transaction.
CREATE OR REPLACE FUNCTION keep_time_zone()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO time_zone_changes (id, tenant_id, user_id, time_zone, until)
    VALUES (gen_random_uuid(), OLD.tenant_id, OLD.user_id, OLD.timezone, clock_timestamp());
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION keep_time_zone FROM PUBLIC;
