-- The role of the console's requests of support: staff of one clinic who see no health data. It has
-- no rights on what could tell any, also in parts of tables (grants by column); the policies named
-- `support` say which rows.
DO $$
BEGIN
    CREATE ROLE novara_support NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_support', 'USAGE') THEN
        EXECUTE format('GRANT novara_support TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_support;
GRANT SELECT ON django_content_type TO novara_support;
-- They note what they do; what others did may say something of people.
GRANT SELECT (id), INSERT ON django_admin_log TO novara_support;
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO novara_support',
                   pg_get_serial_sequence('django_admin_log', 'id'));
END
$$;
GRANT EXECUTE ON FUNCTION write_audit_entry TO novara_support;
GRANT EXECUTE ON FUNCTION write_audit_entries TO novara_support;
