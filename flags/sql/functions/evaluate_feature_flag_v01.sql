-- Whether somebody has a feature, as the old service's programs ask: true, if that is the value.
-- An unknown flag is off. It knows neither clinic nor attributes;
-- evaluate_feature_flag_details() does.
CREATE OR REPLACE FUNCTION evaluate_feature_flag(
    p_flag_name text, p_user_id uuid DEFAULT NULL, p_user_email text DEFAULT NULL
)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(d.value = 'true', false)
      FROM evaluate_feature_flag_details(
               p_flag_name,
               jsonb_build_object('targetingKey', p_user_id, 'email', p_user_email)
           ) AS d
$$;

REVOKE EXECUTE ON FUNCTION evaluate_feature_flag FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evaluate_feature_flag TO novara_api, novara_staff;
