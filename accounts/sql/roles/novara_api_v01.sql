-- The role of API requests inside the gate: no log-in, no way around row-level security.
-- A role belongs to the cluster; other databases may be creating it at this moment.
DO $$
BEGIN
    CREATE ROLE novara_api NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_api', 'USAGE') THEN
        EXECUTE format('GRANT novara_api TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_api;
