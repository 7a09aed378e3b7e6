-- A subject as feature_flag_exposures keeps it: the first 64 bits of its SHA-256.
CREATE OR REPLACE FUNCTION exposed_subject(p_subject text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('x' || encode(substr(sha256(convert_to(p_subject, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;

REVOKE EXECUTE ON FUNCTION exposed_subject FROM PUBLIC;
