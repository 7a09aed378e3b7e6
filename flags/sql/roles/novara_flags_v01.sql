-- The role that reads flags for all others. It owns evaluate_feature_flag_details() and nothing
-- else, so that whoever may ask for a flag reads none of its lists.
DO $$
BEGIN
    CREATE ROLE novara_flags NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_flags', 'USAGE') THEN
        EXECUTE format('GRANT novara_flags TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_flags;
GRANT SELECT ON feature_flags TO novara_flags;
