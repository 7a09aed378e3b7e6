-- A JSON array of texts as text[]; NULL for null. Used by the view daily_checkins_legacy.
CREATE OR REPLACE FUNCTION json_texts(p_list jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(p_list) = 'array'
                THEN array(SELECT jsonb_array_elements_text(p_list)) END
$$;
