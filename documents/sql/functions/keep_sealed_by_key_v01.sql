-- Trigger function of the tables with sealed blobs: a blob is sealed with the key that its row names,
-- a key of its owner that is not retired; a row without a key has a plain one. The key is held until
-- the transaction ends, so that nobody retires it meanwhile. The form of blobs: documents/encryption.py.
CREATE OR REPLACE FUNCTION keep_sealed_by_key()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.key_id IS NULL THEN
        IF substring(NEW.sealed FOR 1) IS DISTINCT FROM '\x00'::bytea THEN
            RAISE EXCEPTION 'A sealed row does not name its key.'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    PERFORM
       FROM encryption_keys
      WHERE id = NEW.key_id
        AND tenant_id = NEW.tenant_id
        AND user_id = NEW.user_id
        AND key_status <> 'retired'
        AND substring(NEW.sealed FOR 5) = '\x01'::bytea || int4send(key_version)
        FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'A row is not sealed with the key that it names, or that key is retired.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

REVOKE EXECUTE ON FUNCTION keep_sealed_by_key FROM PUBLIC;
