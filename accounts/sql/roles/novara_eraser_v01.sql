-- The only role that may delete from append-only tables. It owns erase_person() and nothing else.
DO $$
BEGIN
    CREATE ROLE novara_eraser NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_eraser', 'USAGE') THEN
        EXECUTE format('GRANT novara_eraser TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_eraser;
