-- Trigger function of llama_parse_jobs: notes a job that is over or no longer wanted, whoever
-- deleted it, in the same transaction. documents.tasks.forget_llama_jobs does the rest.
CREATE OR REPLACE FUNCTION note_abandoned_llama_job()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO abandoned_llama_jobs (id, vendor_job_id, meant_at, due_at)
    VALUES (OLD.id, OLD.vendor_job_id, OLD.created_at,
            -- It may be on its way to the service, which does not show it yet.
            clock_timestamp()
            + CASE WHEN OLD.vendor_job_id IS NULL THEN interval '15 minutes' ELSE '0' END);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION note_abandoned_llama_job FROM PUBLIC;
