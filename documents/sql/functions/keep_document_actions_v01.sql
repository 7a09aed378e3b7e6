-- Trigger function of document_actions: append-only, but for the erasure of a person.
CREATE OR REPLACE FUNCTION keep_document_actions()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'novara_eraser' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'document_actions is append-only: % is refused.', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION keep_document_actions FROM PUBLIC;
