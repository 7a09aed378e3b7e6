-- A number of JSON as conditions compare it, as flags.targeting.number_of: a double, as nearly all
-- programs have it. NULL: no number, or beyond a double. Casts alone would fail beyond it.
CREATE OR REPLACE FUNCTION flag_number(p_value jsonb)
RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN jsonb_typeof(p_value) <> 'number' THEN NULL
                WHEN abs(p_value::numeric) > 1.7976931348623158e308 THEN NULL
                WHEN abs(p_value::numeric) < 2.5e-324 THEN 0
                ELSE p_value::numeric::double precision
           END
$$;

REVOKE EXECUTE ON FUNCTION flag_number FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_number TO novara_flags;
