-- erase_person() writes the certificate; nobody changes it.
ALTER TABLE erasure_certificates ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON erasure_certificates TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, INSERT ON erasure_certificates TO novara_eraser;
