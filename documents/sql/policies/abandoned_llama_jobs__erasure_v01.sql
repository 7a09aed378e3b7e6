-- Whoever deletes a job notes, by a trigger, what the parsing service is to forget.
ALTER TABLE abandoned_llama_jobs ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasure ON abandoned_llama_jobs FOR INSERT TO novara_eraser
    WITH CHECK (true);

GRANT INSERT ON abandoned_llama_jobs TO novara_eraser;
