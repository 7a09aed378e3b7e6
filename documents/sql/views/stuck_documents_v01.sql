-- For the console and the metrics: documents on their way that nobody works on though they are
-- due, or that somebody holds without going on, for longer than their stage may take. Who waits
-- for another try, or goes on slowly, is not stuck.
CREATE VIEW stuck_documents WITH (security_invoker = true) AS
SELECT d.id,
       d.tenant_id,
       d.user_id,
       d.content_type,
       d.file_size,
       d.status,
       d.progress_percentage,
       d.leased_by,
       d.tries,
       d.losses,
       d.due_at,
       d.progress_at,
       d.created_at,
       CASE
           WHEN d.due_at < now() - s.unattended AND d.leased_by <> '' THEN 'worker_lost'
           WHEN d.due_at < now() - s.unattended THEN 'no_worker'
           ELSE 'no_progress' END AS cause,
       greatest(now() - d.due_at, now() - d.progress_at) AS stuck_for
  FROM documents d
  JOIN (VALUES ('pending', interval '5 minutes', interval '10 minutes'),
               ('uploading', interval '5 minutes', interval '10 minutes'),
               ('processing', interval '5 minutes', interval '15 minutes'),
               ('chunking', interval '5 minutes', interval '10 minutes'),
               ('embedding', interval '5 minutes', interval '10 minutes'))
       AS s (status, unattended, standstill)
    ON s.status = d.status
  -- Nobody works for who is switched off.
  JOIN users u ON u.id = d.user_id AND u.is_active
  JOIN tenants t ON t.id = d.tenant_id AND t.is_active
 WHERE d.status NOT IN ('completed', 'failed', 'cancelled')
   AND (d.due_at < now() - s.unattended
        OR (d.leased_by <> '' AND d.progress_at < now() - s.standstill));

GRANT SELECT ON stuck_documents TO novara_staff;
