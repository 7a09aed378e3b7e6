-- Trigger function of documents: a hint for the stream server that a document went on. It has ids
-- alone: who may see more asks for it.
CREATE OR REPLACE FUNCTION tell_document_progress()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('novara_documents', NEW.user_id || ' ' || NEW.id);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION tell_document_progress FROM PUBLIC;
