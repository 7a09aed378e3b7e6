-- The one way in which a document's state is written. Gives whether the caller's fence still held;
-- if not, nothing was changed: somebody else has the document, or it is gone.
--
-- A null leaves a value as it is. A change of status ends the lease and raises the fence, makes the
-- document due at once and its tries nought; what belongs to the state follows by itself: 100 % and
-- the time when it completes, no error unless it fails, the stage that failed. Within a run,
-- progress never falls.
CREATE OR REPLACE FUNCTION update_document_progress(
    p_document_id uuid,
    p_fence bigint,
    p_status text DEFAULT NULL,
    p_progress integer DEFAULT NULL,
    p_total_chunks integer DEFAULT NULL,
    p_processed_chunks integer DEFAULT NULL,
    p_failed_chunks integer DEFAULT NULL,
    p_error_code text DEFAULT NULL,
    p_error_message text DEFAULT NULL,
    p_page_count integer DEFAULT NULL,
    p_text_length integer DEFAULT NULL,
    p_warnings jsonb DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    clock timestamptz := clock_timestamp();
BEGIN
    UPDATE documents d
       SET status = coalesce(p_status, d.status),
           progress_percentage = CASE
               WHEN p_status = 'completed' THEN 100
               -- A retry begins again where its stage does.
               WHEN d.status IN ('failed', 'cancelled') AND p_status IS NOT NULL
                   THEN coalesce(p_progress, 0)
               WHEN p_progress IS NULL THEN d.progress_percentage
               ELSE greatest(d.progress_percentage, least(p_progress, 99)) END,
           total_chunks = coalesce(p_total_chunks, d.total_chunks),
           processed_chunks = coalesce(p_processed_chunks, d.processed_chunks),
           failed_chunks = coalesce(p_failed_chunks, d.failed_chunks),
           page_count = coalesce(p_page_count, d.page_count),
           extracted_text_length = coalesce(p_text_length, d.extracted_text_length),
           warnings = coalesce(p_warnings, d.warnings),
           -- Within a stage, an error is that of the last try; success takes it away.
           error_code = CASE
               WHEN p_status IS NULL THEN coalesce(p_error_code, d.error_code)
               WHEN p_status = 'failed' THEN p_error_code
               ELSE '' END,
           error_message = CASE
               WHEN p_status IS NULL THEN coalesce(p_error_message, d.error_message)
               WHEN p_status = 'failed' THEN coalesce(p_error_message, '')
               ELSE '' END,
           failed_stage = CASE
               WHEN p_status IN ('failed', 'cancelled') THEN d.status
               WHEN p_status IS NULL THEN d.failed_stage
               ELSE '' END,
           failed_at = CASE
               WHEN p_status = 'failed' THEN clock
               WHEN p_status IS NULL THEN d.failed_at END,
           run = d.run + (d.status IN ('failed', 'cancelled') AND p_status IS NOT NULL)::integer,
           fence = d.fence + (p_status IS NOT NULL)::integer,
           leased_by = CASE WHEN p_status IS NULL THEN d.leased_by ELSE '' END,
           due_at = CASE WHEN p_status IS NULL THEN d.due_at ELSE clock END,
           tries = CASE WHEN p_status IS NULL THEN d.tries ELSE 0 END,
           losses = CASE WHEN p_status IS NULL THEN d.losses ELSE 0 END,
           stage_started_at = CASE WHEN p_status IS NULL THEN d.stage_started_at ELSE clock END,
           processing_started_at = CASE
               WHEN p_status = 'processing' THEN clock
               ELSE d.processing_started_at END,
           processing_completed_at = CASE WHEN p_status = 'completed' THEN clock END,
           progress_at = clock,
           updated_at = clock
     WHERE d.id = p_document_id
       AND d.fence = p_fence;
    RETURN FOUND;
END
$$;

REVOKE EXECUTE ON FUNCTION update_document_progress FROM PUBLIC;
GRANT EXECUTE ON FUNCTION update_document_progress TO novara_api, novara_staff;
