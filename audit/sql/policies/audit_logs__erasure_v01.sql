-- The erasure routine takes payloads away.
CREATE POLICY erasure ON audit_logs TO novara_eraser USING (true) WITH CHECK (true);
