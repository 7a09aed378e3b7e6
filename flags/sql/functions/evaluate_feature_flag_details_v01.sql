-- The outcome of a flag for programs that work in the database: the same answer as
-- flags.evaluation gives in process. It reads only, and counts nothing. p_context has the names
-- targetingKey, email and tenant; what else it has are attributes for conditions. Without
-- p_environment it is that of the setting app.environment (ALTER DATABASE … SET), or production.
CREATE OR REPLACE FUNCTION evaluate_feature_flag_details(
    p_flag_name text, p_context jsonb DEFAULT '{}', p_environment text DEFAULT NULL
)
RETURNS TABLE (variant text, value jsonb, reason text, bucket integer, version integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    WITH context AS (
        SELECT CASE jsonb_typeof(p_context) WHEN 'object' THEN p_context ELSE '{}' END AS told,
               coalesce(nullif(p_environment, ''),
                        nullif(current_setting('app.environment', true), ''),
                        'production') AS environment
    ), texts AS (
        SELECT told - '{targetingKey,email,tenant}'::text[] AS attributes,
               environment,
               CASE jsonb_typeof(told -> 'targetingKey')
                    WHEN 'string' THEN nullif(told ->> 'targetingKey', '') END AS subject,
               CASE jsonb_typeof(told -> 'email')
                    WHEN 'string' THEN nullif(told ->> 'email', '') END AS email,
               CASE jsonb_typeof(told -> 'tenant')
                    WHEN 'string' THEN nullif(told ->> 'tenant', '') END AS tenant
          FROM context
    )
    SELECT o.variant, o.value, o.reason, o.bucket, o.version
      FROM texts AS t
     CROSS JOIN flag_outcome(
               p_flag_name,
               t.subject,
               translate(btrim(t.email, E' \t\r\n'),
                         'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'),
               t.tenant,
               t.attributes || jsonb_strip_nulls(
                   jsonb_build_object('environment', t.environment, 'tenant', t.tenant)),
               0
           ) AS o
$$;

REVOKE EXECUTE ON FUNCTION evaluate_feature_flag_details FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_flags;
ALTER FUNCTION evaluate_feature_flag_details OWNER TO novara_flags;
REVOKE CREATE ON SCHEMA public FROM novara_flags;
GRANT EXECUTE ON FUNCTION evaluate_feature_flag_details TO novara_api, novara_staff;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION evaluate_feature_flag_details TO %I', current_user);
END
$$;
