-- Staff look after the documents of their clinic's people: what became of them, not what is in them.
CREATE POLICY staff ON documents TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE ON documents TO novara_staff;
