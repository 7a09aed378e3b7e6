-- Trigger function of feature_flag_versions: a history that can be changed proves nothing.
CREATE OR REPLACE FUNCTION keep_flag_versions()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'feature_flag_versions is append-only: % is refused. Change the flag instead.',
        TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION keep_flag_versions FROM PUBLIC;
