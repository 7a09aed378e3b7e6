-- A trigger, as the erasure routine is below flags and knows nothing of them.
CREATE OR REPLACE TRIGGER leave_flags
AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION leave_flags();
