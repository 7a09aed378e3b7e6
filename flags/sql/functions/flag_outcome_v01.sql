-- From a flag and a context to an outcome, as flags.evaluation.Flag.ask; it calls itself for
-- prerequisites. Called by evaluate_feature_flag_details(), which reads the context.
-- p_email has its outer blanks cut and ASCII letters lowered; p_attributes has the environment.
CREATE OR REPLACE FUNCTION flag_outcome(
    p_flag_name text, p_subject text, p_email text, p_tenant text, p_attributes jsonb,
    p_depth integer,
    OUT variant text, OUT value jsonb, OUT reason text, OUT bucket integer, OUT version integer
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    flag feature_flags;
    -- Ids are compared as texts are: another way to write the same id is another subject.
    an_id text := '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
    subject_id uuid := CASE WHEN p_subject ~ an_id THEN p_subject::uuid END;
    tenant_id uuid := CASE WHEN p_tenant ~ an_id THEN p_tenant::uuid END;
    email_hash text;
    needed jsonb;
    given record;
    rollout record;
BEGIN
    SELECT *
      INTO flag
      FROM feature_flags
     WHERE flag_name = p_flag_name;
    IF NOT FOUND THEN
        reason := 'flag_not_found';
        version := 0;
        RETURN;
    END IF;
    version := flag.version;
    bucket := flag_bucket(flag.salt, p_subject);
    email_hash := encode(sha256(convert_to(flag.salt || ':' || p_email, 'UTF8')), 'hex');
    variant := flag.default_variant;

    IF NOT flag.is_enabled THEN
        reason := 'disabled';
    ELSIF flag.environment_restrictions <> '{}'
          AND p_attributes ->> 'environment' <> ALL (flag.environment_restrictions) THEN
        reason := 'environment';
    ELSIF subject_id = ANY (flag.disabled_user_ids)
          OR email_hash = ANY (flag.disabled_user_emails)
          OR tenant_id = ANY (flag.disabled_tenant_ids) THEN
        reason := 'user_disabled';
    ELSE
        FOR needed IN SELECT p.one FROM jsonb_array_elements(flag.prerequisites) AS p (one)
        LOOP
            -- A circle cannot be saved, only written past the services.
            IF p_depth < 100 THEN
                SELECT *
                  INTO given
                  FROM flag_outcome(needed ->> 'key', p_subject, p_email, p_tenant, p_attributes,
                                    p_depth + 1);
            END IF;
            IF p_depth >= 100 OR given.reason = 'error_default' THEN
                SELECT NULL, NULL, 'error_default', NULL, 0
                  INTO variant, value, reason, bucket, version;
                RETURN;
            END IF;
            IF (needed -> 'variants' ? given.variant) IS NOT TRUE THEN
                reason := 'prerequisite';
                EXIT;
            END IF;
        END LOOP;
    END IF;

    IF reason IS NULL THEN
        SELECT count(DISTINCT v.one ->> 'name') AS holder_count,
               min(v.one ->> 'name') AS a_holder,
               sum((r.part ->> 1)::integer - (r.part ->> 0)::integer) AS size,
               min(v.one ->> 'name') FILTER (
                   WHERE bucket >= (r.part ->> 0)::integer AND bucket < (r.part ->> 1)::integer
               ) AS owner
          INTO rollout
          FROM jsonb_array_elements(flag.variants::jsonb) AS v (one)
         CROSS JOIN jsonb_array_elements(v.one -> 'ranges') AS r (part);
        IF subject_id = ANY (flag.enabled_user_ids)
           OR email_hash = ANY (flag.enabled_user_emails)
           OR tenant_id = ANY (flag.enabled_tenant_ids) THEN
            reason := 'user_enabled';
            variant := flag.allowed_variant;
        ELSIF EXISTS (SELECT
                        FROM jsonb_array_elements(flag.conditions) AS c (one)
                       WHERE NOT flag_meets(c.one, p_attributes)) THEN
            reason := 'conditions';
        ELSIF rollout.holder_count = 0 THEN
            reason := 'nobody';
        ELSIF rollout.holder_count = 1 AND rollout.size = 100000 THEN
            reason := 'everybody';
            variant := rollout.a_holder;
        ELSIF p_subject IS NULL THEN
            reason := 'no_subject';
        ELSIF rollout.owner IS NULL THEN
            reason := 'percentage_out';
        ELSE
            reason := 'percentage_in';
            variant := rollout.owner;
        END IF;
    END IF;

    SELECT v.one -> 'value'
      INTO value
      FROM jsonb_array_elements(flag.variants::jsonb) AS v (one)
     WHERE v.one ->> 'name' = variant;
END
$$;

REVOKE EXECUTE ON FUNCTION flag_outcome FROM PUBLIC;
GRANT EXECUTE ON FUNCTION flag_outcome TO novara_flags;
