-- Support looks after the documents of its clinic's people: what became of them. Nothing of what is in
-- them, how they are called, what their owner said of them, and no fingerprint to compare them by.
CREATE POLICY support ON documents TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (
    id, tenant_id, user_id, file_size, content_type, status, progress_percentage, run, fence, due_at,
    leased_by, tries, losses, progress_at, stage_started_at, processing_started_at,
    processing_completed_at, error_code, error_message, failed_stage, failed_at, page_count,
    extracted_text_length, warnings, total_chunks, processed_chunks, failed_chunks, created_at,
    updated_at
) ON documents TO novara_support;
-- What update_document_progress() writes.
GRANT UPDATE (
    status, progress_percentage, total_chunks, processed_chunks, failed_chunks,
    page_count, extracted_text_length, warnings, error_code, error_message,
    failed_stage, failed_at, run, fence, leased_by, due_at, tries, losses,
    stage_started_at, processing_started_at, processing_completed_at, progress_at,
    updated_at
) ON documents TO novara_support;
GRANT EXECUTE ON FUNCTION update_document_progress TO novara_support;
GRANT SELECT ON stuck_documents TO novara_support;
