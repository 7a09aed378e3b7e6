-- Staff look after the documents of their clinic's people: what became of them, not what is in them.
CREATE POLICY staff ON documents TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON documents TO novara_staff;
-- What update_document_progress() writes, and nothing that its owner said.
GRANT UPDATE (
    status, progress_percentage, total_chunks, processed_chunks, failed_chunks,
    page_count, extracted_text_length, warnings, error_code, error_message,
    failed_stage, failed_at, run, fence, leased_by, due_at, tries, losses,
    stage_started_at, processing_started_at, processing_completed_at, progress_at,
    updated_at
) ON documents TO novara_staff;
