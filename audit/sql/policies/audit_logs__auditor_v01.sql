-- The functions of novara_auditor write entries of all.
CREATE POLICY auditor ON audit_logs FOR INSERT TO novara_auditor WITH CHECK (true);
