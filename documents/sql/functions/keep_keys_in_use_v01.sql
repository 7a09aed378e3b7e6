-- Trigger function of encryption_keys: a key goes from active to rotated to retired and never back,
-- and is retired, which wipes it, only when no row is sealed with it.
CREATE OR REPLACE FUNCTION keep_keys_in_use()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.key_status, NEW.key_status) NOT IN (('active', 'rotated'), ('rotated', 'retired')) THEN
        RAISE EXCEPTION 'A key cannot go from % to %.', OLD.key_status, NEW.key_status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.key_status = 'rotated' THEN
        RETURN NEW;
    END IF;
    -- An older snapshot would not show the rows of those who are waited for.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Keys are retired in transactions that are READ COMMITTED.'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- Whoever seals with the key holds it FOR KEY SHARE: their rows are there after this.
    PERFORM
       FROM encryption_keys
      WHERE id = OLD.id
        FOR UPDATE;
    IF EXISTS (SELECT FROM document_texts WHERE key_id = OLD.id)
        OR EXISTS (SELECT FROM document_terms WHERE key_id = OLD.id)
        OR EXISTS (SELECT FROM document_chunks WHERE key_id = OLD.id)
        OR EXISTS (SELECT FROM user_document_vectors WHERE key_id = OLD.id)
    THEN
        RAISE EXCEPTION 'The key is in use: rows are sealed with it.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

REVOKE EXECUTE ON FUNCTION keep_keys_in_use FROM PUBLIC;
