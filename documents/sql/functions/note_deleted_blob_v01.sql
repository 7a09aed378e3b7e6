-- Trigger function of documents: notes the file of a document that is gone, whoever deleted it,
-- in the same transaction. documents.tasks.delete_blobs does the rest.
CREATE OR REPLACE FUNCTION note_deleted_blob()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deleted_blobs (storage_path)
    VALUES (OLD.storage_path);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION note_deleted_blob FROM PUBLIC;
