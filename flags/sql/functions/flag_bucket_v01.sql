-- Algorithm 1 of flags.evaluation.bucket_of: the first 8 bytes of SHA-256("salt:subject"), as a
-- number without sign, modulo 100,000. bigint has a sign, so the two halves are taken singly:
-- 2^32 mod 100,000 is 67,296.
CREATE OR REPLACE FUNCTION flag_bucket(p_salt text, p_subject text)
RETURNS integer
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT ((('x' || left(d.hex, 8))::bit(32)::bigint % 100000 * 67296
             + ('x' || substr(d.hex, 9, 8))::bit(32)::bigint) % 100000)::integer
      FROM encode(sha256(convert_to(p_salt || ':' || p_subject, 'UTF8')), 'hex') AS d (hex)
$$;

REVOKE EXECUTE ON FUNCTION flag_bucket FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_bucket TO novara_flags;
