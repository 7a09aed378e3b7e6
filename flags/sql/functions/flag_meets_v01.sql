-- Whether an attribute is what a condition wants, as flags.targeting.meets: a missing one, or one
-- of another kind, never is.
CREATE OR REPLACE FUNCTION flag_meets(p_condition jsonb, p_attributes jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    told jsonb := p_attributes -> (p_condition ->> 'attribute');
    wanted jsonb := p_condition -> 'values';
    is_text boolean := jsonb_typeof(told) = 'string';
    is_scalar boolean := is_text OR jsonb_typeof(told) = 'boolean' OR flag_number(told) IS NOT NULL;
BEGIN
    RETURN coalesce(
        CASE p_condition ->> 'operator'
            WHEN 'one_of' THEN is_scalar AND flag_is_among(told, wanted)
            WHEN 'not_one_of' THEN is_scalar AND NOT flag_is_among(told, wanted)
            WHEN 'starts_with' THEN
                is_text
                AND EXISTS (SELECT
                              FROM jsonb_array_elements_text(wanted) AS w (one)
                             WHERE starts_with(told #>> '{}', w.one))
            WHEN 'ends_with' THEN
                is_text
                AND EXISTS (SELECT
                              FROM jsonb_array_elements_text(wanted) AS w (one)
                             WHERE right(told #>> '{}', length(w.one)) = w.one)
            WHEN 'at_least' THEN flag_number(told) >= flag_number(wanted -> 0)
            WHEN 'less_than' THEN flag_number(told) < flag_number(wanted -> 0)
            WHEN 'version_at_least' THEN flag_version(told) >= flag_version(wanted -> 0)
            WHEN 'version_less_than' THEN flag_version(told) < flag_version(wanted -> 0)
        END,
        false);
END
$$;

REVOKE EXECUTE ON FUNCTION flag_meets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_meets TO novara_flags;
