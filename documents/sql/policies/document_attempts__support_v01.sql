-- Support reads the tries, and ends those of what it cancels. Their details quote no document.
CREATE POLICY support ON document_attempts TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE (outcome, ended_at, error_code, detail, retry_at)
    ON document_attempts TO novara_support;
