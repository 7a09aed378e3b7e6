-- A trigger, as no code path may take a step that there is not.
CREATE OR REPLACE TRIGGER keep_transitions
BEFORE UPDATE OF status ON documents
FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status)
EXECUTE FUNCTION keep_document_transitions();
