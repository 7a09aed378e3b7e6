-- The only role that may delete entries of the audit log. It owns prune_audit_logs() and nothing
-- else.
DO $$
BEGIN
    CREATE ROLE novara_pruner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_pruner', 'USAGE') THEN
        EXECUTE format('GRANT novara_pruner TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_pruner;
GRANT SELECT, DELETE ON audit_logs TO novara_pruner;
