-- A trigger, as the erasure of a person deletes documents, too.
CREATE OR REPLACE TRIGGER note_deleted_blob
AFTER DELETE ON documents
FOR EACH ROW EXECUTE FUNCTION note_deleted_blob();
