-- A trigger, as a key that is wiped too early takes texts and vectors with it for good.
CREATE OR REPLACE TRIGGER keep_keys_in_use
BEFORE UPDATE OF key_status ON encryption_keys
FOR EACH ROW
WHEN (OLD.key_status IS DISTINCT FROM NEW.key_status)
EXECUTE FUNCTION keep_keys_in_use();
