-- Staff read who did what, and note what they do.
CREATE POLICY staff ON document_actions TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT ON document_actions TO novara_staff;
