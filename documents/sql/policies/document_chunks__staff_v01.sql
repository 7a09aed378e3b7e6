-- With which chunker a document was cut; neither chunks nor headings.
CREATE POLICY staff ON document_chunks FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, user_id, document_id, key_id, ordinal, chunker_name, chunker_version, created_at)
    ON document_chunks TO novara_staff;
