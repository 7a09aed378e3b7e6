-- Support reads who did what, and notes what it does. Not why: staff who looked into a document
-- may have said it there.
CREATE POLICY support ON document_actions TO novara_support
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, user_id, document_id, action, actor_id, created_at), INSERT
    ON document_actions TO novara_support;
