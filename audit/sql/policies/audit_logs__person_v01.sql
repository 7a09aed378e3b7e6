-- People see who looked at their record, and what was done with it.
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;

CREATE POLICY person ON audit_logs FOR SELECT TO novara_api
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)
           AND subject_id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid));
GRANT SELECT ON audit_logs TO novara_api;
