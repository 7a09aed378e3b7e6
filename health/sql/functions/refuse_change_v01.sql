-- Trigger function of append-only tables: lets the erasure routine delete, and nothing else.
CREATE OR REPLACE FUNCTION refuse_change()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'novara_eraser' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused. Append a correction or retraction instead.',
        TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
