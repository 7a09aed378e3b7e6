-- Trigger function of feature_flag_versions: a history that can be changed proves nothing. Only the
-- erasure routine's role is let pass, whose right is to take erased people out of definitions
-- (leave_flags); who changed what, when and why stays.
CREATE OR REPLACE FUNCTION keep_flag_versions()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'novara_eraser' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'feature_flag_versions is append-only: % is refused. Change the flag instead.',
        TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION keep_flag_versions FROM PUBLIC;
