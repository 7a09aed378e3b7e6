-- For the console: documents that failed, with stage, code, and when, newest first by failed_at.
CREATE VIEW failed_documents WITH (security_invoker = true) AS
SELECT d.id,
       d.tenant_id,
       d.user_id,
       d.content_type,
       d.file_size,
       d.failed_stage,
       d.error_code,
       d.error_message,
       d.run,
       d.failed_at,
       d.created_at,
       (SELECT count(*)
          FROM document_attempts a
         WHERE a.document_id = d.id
           AND a.run = d.run
           AND a.stage = d.failed_stage) AS attempt_count
  FROM documents d
 WHERE d.status = 'failed';

GRANT SELECT ON failed_documents TO novara_staff;
