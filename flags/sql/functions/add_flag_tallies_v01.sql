-- What one process has counted since its last flush (flags/counting.py, flags/outcomes.py). In SQL
-- so that it is one round trip, and added once: a flush whose answer was lost is sent again with
-- the same number. All processes go through their rows in the same order, so that none waits for
-- one that waits for it.
CREATE OR REPLACE FUNCTION add_flag_tallies(p_process uuid, p_sequence bigint, p_tallies json)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feature_flag_flushes AS f (process, sequence)
    VALUES (p_process, p_sequence)
        ON CONFLICT (process) DO UPDATE
       SET sequence = excluded.sequence,
           flushed_at = now()
     WHERE f.sequence < excluded.sequence;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO feature_flag_counts AS f (
           id, flag_name, variant, reason, hour, evaluations, last_evaluated_at
    )
    SELECT gen_random_uuid(), flag_name, variant, reason, hour, evaluations, last_evaluated_at
      FROM json_to_recordset(p_tallies -> 'counts') AS t (
               flag_name text, variant text, reason text, hour timestamptz, evaluations bigint,
               last_evaluated_at timestamptz
           )
     ORDER BY flag_name, hour, variant, reason
        ON CONFLICT (flag_name, hour, variant, reason) DO UPDATE
       SET evaluations = f.evaluations + excluded.evaluations,
           last_evaluated_at = greatest(f.last_evaluated_at, excluded.last_evaluated_at);

    INSERT INTO feature_flag_exposures AS f (id, flag_name, variant, hour, exposures, subjects)
    SELECT gen_random_uuid(), flag_name, variant, hour, cardinality(hashes), hashes
      FROM json_to_recordset(p_tallies -> 'exposures') AS t (
               flag_name text, variant text, hour timestamptz, subjects json
           )
     CROSS JOIN LATERAL (
           SELECT array_agg(DISTINCT exposed_subject(subject)) AS hashes
             FROM json_array_elements_text(subjects) AS subject
           ) s
     ORDER BY flag_name, hour, variant
        ON CONFLICT (flag_name, hour, variant) DO UPDATE
       SET (exposures, subjects) = (
           -- Null: the hour is so long over that its subjects are gone.
           SELECT CASE WHEN f.subjects IS NULL
                       THEN f.exposures + excluded.exposures
                       ELSE count(*)
                   END,
                  CASE WHEN f.subjects IS NOT NULL THEN array_agg(subject) END
             FROM (SELECT unnest(f.subjects) AS subject
                    UNION
                   SELECT unnest(excluded.subjects)) s
           );

    -- An id in the right form may be anybody's own invention.
    INSERT INTO feature_flag_evaluations (
           id, flag_name, user_id, targeting_key, variant, evaluation_result, evaluation_reason,
           metadata, evaluated_at, sample_minute
    )
    SELECT gen_random_uuid(), flag_name, u.id, targeting_key, variant, evaluation_result,
           evaluation_reason, metadata, evaluated_at, sample_minute
      FROM json_to_recordset(p_tallies -> 'evaluations') AS t (
               flag_name text, user_id uuid, targeting_key text, variant text,
               evaluation_result text, evaluation_reason text, metadata jsonb,
               evaluated_at timestamptz, sample_minute timestamptz
           )
      LEFT JOIN users u ON u.id = t.user_id
     ORDER BY flag_name, sample_minute, variant, evaluation_reason
        ON CONFLICT (flag_name, sample_minute, variant, evaluation_reason) DO NOTHING;

    INSERT INTO feature_flag_outcomes AS f (
           id, flag_name, variant, minute, requests, errors, durations
    )
    SELECT gen_random_uuid(), flag_name, variant, minute, requests, errors, durations
      FROM json_to_recordset(p_tallies -> 'outcomes') AS t (
               flag_name text, variant text, minute timestamptz, requests integer, errors integer,
               durations integer[]
           )
     ORDER BY flag_name, minute, variant
        ON CONFLICT (flag_name, minute, variant) DO UPDATE
       SET requests = f.requests + excluded.requests,
           errors = f.errors + excluded.errors,
           durations = ARRAY(
               SELECT a + b
                 FROM unnest(f.durations, excluded.durations) WITH ORDINALITY AS d (a, b, place)
                ORDER BY place
           );
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION add_flag_tallies FROM PUBLIC;
