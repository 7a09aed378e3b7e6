-- For the console: what each person uploaded. Who they are is not said here.
CREATE VIEW user_upload_stats WITH (security_invoker = true) AS
SELECT tenant_id,
       user_id,
       count(*) AS upload_count,
       count(*) FILTER (WHERE status = 'completed') AS completed_count,
       count(*) FILTER (WHERE status = 'failed') AS failed_count,
       sum(file_size)::bigint AS total_bytes,
       max(created_at) AS last_upload_at,
       round(avg(progress_percentage), 1) AS average_progress
  FROM documents
 GROUP BY tenant_id, user_id;

GRANT SELECT ON user_upload_stats TO novara_staff;
