-- erase_person() finds and deletes a person's rows.
ALTER TABLE llama_parse_jobs ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON llama_parse_jobs TO novara_eraser
    USING (true)
    WITH CHECK (true);

GRANT SELECT, DELETE ON llama_parse_jobs TO novara_eraser;
