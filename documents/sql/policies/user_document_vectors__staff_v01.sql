-- With which model a document was embedded; not the vectors.
CREATE POLICY staff ON user_document_vectors FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, user_id, document_id, key_id, model_id, first_ordinal, vector_count, created_at)
    ON user_document_vectors TO novara_staff;
