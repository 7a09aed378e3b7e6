-- Whoever deletes a document notes, by a trigger, what is to be deleted in the storage.
ALTER TABLE deleted_blobs ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON deleted_blobs FOR INSERT TO novara_eraser
    WITH CHECK (true);

GRANT INSERT ON deleted_blobs TO novara_eraser;
