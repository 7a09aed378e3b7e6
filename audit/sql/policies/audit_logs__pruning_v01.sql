-- Retention deletes entries of all.
CREATE POLICY pruning ON audit_logs TO novara_pruner USING (true) WITH CHECK (true);
