-- The erasure routine asks whom it must not erase.
CREATE POLICY erasure ON audit_legal_holds FOR SELECT TO novara_eraser USING (true);
