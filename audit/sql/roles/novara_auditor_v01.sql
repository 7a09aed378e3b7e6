-- The role that writes the audit log for all others. It owns the functions that write entries and
-- nothing else, so that whoever changes a row leaves an entry and can write no other.
DO $$
BEGIN
    CREATE ROLE novara_auditor NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_auditor', 'USAGE') THEN
        EXECUTE format('GRANT novara_auditor TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_auditor;
GRANT INSERT ON audit_logs TO novara_auditor;
