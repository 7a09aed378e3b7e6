-- A trigger, as the erasure of a person deletes jobs, too.
CREATE OR REPLACE TRIGGER note_abandoned
AFTER DELETE ON llama_parse_jobs
FOR EACH ROW EXECUTE FUNCTION note_abandoned_llama_job();
