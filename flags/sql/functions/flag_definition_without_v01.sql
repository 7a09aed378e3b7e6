-- The JSON of a definition without a person on its lists, or as it is if they are on none. In json
-- and not jsonb, which would make 1 of 1.0. Called by leave_flags().
CREATE OR REPLACE FUNCTION flag_definition_without(p_definition text, p_user_id uuid, p_email text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    told json := p_definition;
    lists text[] := '{enabled_user_ids,enabled_user_emails,disabled_user_ids,disabled_user_emails}';
    names text[] := ARRAY[
        p_user_id::text,
        encode(sha256(convert_to((told ->> 'salt') || ':' || p_email, 'UTF8')), 'hex')
    ];
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(lists) AS l (name) WHERE (told -> l.name)::jsonb ?| names) THEN
        RETURN p_definition;
    END IF;
    RETURN (
        SELECT json_object_agg(
                   m.key,
                   CASE WHEN m.key = ANY (lists) THEN (m.value::jsonb - names)::json
                        ELSE m.value
                   END
                   ORDER BY m.place)
          FROM json_each(told) WITH ORDINALITY AS m (key, value, place)
    );
END
$$;

REVOKE EXECUTE ON FUNCTION flag_definition_without FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_definition_without TO novara_eraser;
