-- Staff read the tries, and end those of what they cancel.
CREATE POLICY staff ON document_attempts TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE ON document_attempts TO novara_staff;
