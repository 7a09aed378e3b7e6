-- For the console: how many documents are in each state, how far, how long they took, how many
-- wait for another try, and since when the oldest is there.
CREATE VIEW document_processing_stats WITH (security_invoker = true) AS
SELECT tenant_id,
       status,
       count(*) AS document_count,
       round(avg(progress_percentage), 1) AS average_progress,
       round(extract(epoch FROM avg(processing_completed_at - processing_started_at)), 1)
           AS average_seconds,
       count(*) FILTER (WHERE error_code <> '') AS error_count,
       min(stage_started_at) AS oldest_at
  FROM documents
 GROUP BY tenant_id, status;

GRANT SELECT ON document_processing_stats TO novara_staff;
