-- What was done with documents is never changed: for nobody, the owner included.
CREATE OR REPLACE TRIGGER append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON document_actions
FOR EACH STATEMENT EXECUTE FUNCTION keep_document_actions();
