-- The role of the console's requests of staff who are not superusers: their own clinic alone.
DO $$
BEGIN
    CREATE ROLE novara_staff NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'novara_staff', 'USAGE') THEN
        EXECUTE format('GRANT novara_staff TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO novara_staff;
GRANT SELECT ON auth_group, auth_permission, auth_group_permissions, django_content_type,
                users_groups, users_user_permissions
    TO novara_staff;
GRANT SELECT, INSERT ON django_admin_log TO novara_staff;
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO novara_staff',
                   pg_get_serial_sequence('django_admin_log', 'id'));
END
$$;
