-- Staff read which jobs there are at the parsing service.
CREATE POLICY staff ON llama_parse_jobs TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT ON llama_parse_jobs TO novara_staff;
