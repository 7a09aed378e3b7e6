-- Only what its owner would see: a heartbeat is no progress.
CREATE OR REPLACE TRIGGER tell_progress
AFTER UPDATE ON documents
FOR EACH ROW
WHEN ((OLD.status, OLD.progress_percentage, OLD.error_code, OLD.tries)
      IS DISTINCT FROM
      (NEW.status, NEW.progress_percentage, NEW.error_code, NEW.tries))
EXECUTE FUNCTION tell_document_progress();
