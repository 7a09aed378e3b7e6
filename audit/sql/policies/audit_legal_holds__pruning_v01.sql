-- Retention asks what is to be kept.
CREATE POLICY pruning ON audit_legal_holds FOR SELECT TO novara_pruner USING (true);
