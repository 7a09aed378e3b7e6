-- A JSON number; NULL for anything else, as old clients sent texts in places of numbers. Used by
-- the view daily_checkins_legacy.
CREATE OR REPLACE FUNCTION json_number(p_value jsonb)
RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(p_value) = 'number' THEN p_value::numeric END
$$;
