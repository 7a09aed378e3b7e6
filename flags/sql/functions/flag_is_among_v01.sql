-- Whether a value is one of a list, as JSON compares: true is not 1, and 1 is 1.0.
CREATE OR REPLACE FUNCTION flag_is_among(p_value jsonb, p_list jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT EXISTS (SELECT
                     FROM jsonb_array_elements(p_list) AS l (one)
                    WHERE CASE WHEN jsonb_typeof(p_value) = 'number'
                               THEN flag_number(p_value) = flag_number(l.one)
                               ELSE p_value = l.one
                          END)
$$;

REVOKE EXECUTE ON FUNCTION flag_is_among FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_is_among TO novara_flags;
