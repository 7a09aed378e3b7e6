-- A trigger, as a row under a key that is gone, or under one that it does not name, is lost.
CREATE OR REPLACE TRIGGER keep_sealed_by_key
BEFORE INSERT OR UPDATE OF sealed, key_id, tenant_id, user_id ON document_terms
FOR EACH ROW EXECUTE FUNCTION keep_sealed_by_key();
