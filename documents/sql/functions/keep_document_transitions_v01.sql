-- Trigger function of documents: lets a document only take steps that there are, and completes it
-- only when every chunk and every vector is there. The steps are those of documents/statuses.py.
CREATE OR REPLACE FUNCTION keep_document_transitions()
RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    chunks bigint;
    vectors bigint;
BEGIN
    IF NOT EXISTS (
        SELECT
          FROM (VALUES
                ('pending', 'uploading'), ('pending', 'failed'), ('pending', 'cancelled'),
                ('uploading', 'processing'), ('uploading', 'failed'), ('uploading', 'cancelled'),
                ('processing', 'chunking'), ('processing', 'failed'), ('processing', 'cancelled'),
                ('chunking', 'embedding'), ('chunking', 'failed'), ('chunking', 'cancelled'),
                ('embedding', 'completed'), ('embedding', 'failed'), ('embedding', 'cancelled'),
                ('failed', 'uploading'), ('failed', 'processing'), ('failed', 'chunking'),
                ('failed', 'embedding'),
                ('cancelled', 'uploading'), ('cancelled', 'processing'), ('cancelled', 'chunking'),
                ('cancelled', 'embedding')) AS t (before, after)
         WHERE t.before = OLD.status
           AND t.after = NEW.status)
    THEN
        RAISE EXCEPTION 'A document cannot go from % to %.', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'completed' THEN
        SELECT count(*)
          INTO chunks
          FROM document_chunks
         WHERE document_id = NEW.id
           AND user_id = NEW.user_id;
        SELECT coalesce(max(m.count), 0)
          INTO vectors
          FROM (SELECT sum(vector_count) AS count
                  FROM user_document_vectors
                 WHERE document_id = NEW.id
                   AND user_id = NEW.user_id
                 GROUP BY model_id) m;
        IF NEW.total_chunks IS DISTINCT FROM chunks OR vectors <> chunks THEN
            RAISE EXCEPTION 'A document of % chunks with % of them and % vectors is not completed.',
                NEW.total_chunks, chunks, vectors
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

REVOKE EXECUTE ON FUNCTION keep_document_transitions FROM PUBLIC;
