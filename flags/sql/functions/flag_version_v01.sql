-- A version as conditions compare it, as flags.targeting.version_of: up to four numbers.
CREATE OR REPLACE FUNCTION flag_version(p_value jsonb)
RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(p_value) = 'string'
                 AND p_value #>> '{}' ~ '^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$'
                THEN (string_to_array(p_value #>> '{}', '.')::integer[] || '{0,0,0}')[1:4]
           END
$$;

REVOKE EXECUTE ON FUNCTION flag_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_version TO novara_flags;
