-- With which parser a document was read, and under which key its text lies; not the text.
CREATE POLICY staff ON document_texts FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, user_id, document_id, key_id, parser_name, parser_version, created_at)
    ON document_texts TO novara_staff;
