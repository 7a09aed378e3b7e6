-- What one process has counted since its last flush (ratelimits/traffic.py). In SQL so that it is
-- one round trip, and added once: a flush whose answer was lost is sent again with the same number.
-- All processes go through their rows in the same order, so that none waits for one that waits
-- for it.
CREATE OR REPLACE FUNCTION add_rate_limit_tallies(
    p_process uuid, p_sequence bigint, p_tallies json
)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rate_limit_flushes AS f (process, sequence)
    VALUES (p_process, p_sequence)
        ON CONFLICT (process) DO UPDATE
       SET sequence = excluded.sequence,
           flushed_at = now()
     WHERE f.sequence < excluded.sequence;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    INSERT INTO rate_limit_traffic (
           minute, tenant_id, user_id, api_key_id, network, routes, requests, request_count
    )
    SELECT minute, tenant_id, user_id, api_key_id, network, routes, requests, request_count
      FROM json_to_recordset(p_tallies -> 'minutes') AS t (
               minute timestamptz, tenant_id uuid, user_id uuid, api_key_id uuid, network text,
               routes integer[], requests integer[], request_count integer
           );

    INSERT INTO api_traffic_hours AS h (
           id, hour, route, method, status_class, request_count, total_ms, histogram
    )
    SELECT gen_random_uuid(), hour, route, method, status_class, request_count, total_ms, histogram
      FROM json_to_recordset(p_tallies -> 'hours') AS t (
               hour timestamptz, route text, method text, status_class smallint,
               request_count bigint, total_ms double precision, histogram bigint[]
           )
     ORDER BY hour, route, method, status_class
        ON CONFLICT (hour, route, method, status_class) DO UPDATE
       SET request_count = h.request_count + excluded.request_count,
           total_ms = h.total_ms + excluded.total_ms,
           histogram = ARRAY(
               SELECT a + b
                 FROM unnest(h.histogram, excluded.histogram) WITH ORDINALITY AS d (a, b, place)
                ORDER BY place
           );

    INSERT INTO rate_limit_violations AS v (
           id, hour, rule_name, key, mode, scope, tenant_id, user_id, api_key_id, network, route,
           violation_count, first_at, last_at, samples
    )
    SELECT gen_random_uuid(), hour, rule_name, decode(key, 'hex'), mode, scope, s.tenant_id,
           s.user_id, s.api_key_id, s.network, s.route, violation_count, first_at, last_at, samples
      FROM json_to_recordset(p_tallies -> 'violations') AS t (
               hour timestamptz, rule_name text, key text, mode text, scope text, subject json,
               violation_count bigint, first_at timestamptz, last_at timestamptz, samples jsonb
           )
     CROSS JOIN LATERAL json_to_record(subject) AS s (
               tenant_id uuid, user_id uuid, api_key_id uuid, network text, route text
           )
     ORDER BY hour, rule_name, decode(key, 'hex'), mode
        ON CONFLICT (hour, rule_name, key, mode) DO UPDATE
       SET violation_count = v.violation_count + excluded.violation_count,
           first_at = least(v.first_at, excluded.first_at),
           last_at = greatest(v.last_at, excluded.last_at),
           -- The last ones.
           samples = (
               SELECT jsonb_agg(sample ORDER BY place)
                 FROM (SELECT sample, place
                         FROM jsonb_array_elements(v.samples || excluded.samples)
                              WITH ORDINALITY AS d (sample, place)
                        ORDER BY place DESC
                        LIMIT 5) d
           );

    INSERT INTO rate_limit_buckets AS b (
           id, rule_name, key, scope, tenant_id, user_id, api_key_id, network, route,
           capacity, remaining, limited_since, limited_until, seen_at
    )
    SELECT gen_random_uuid(), rule_name, decode(key, 'hex'), scope, s.tenant_id, s.user_id,
           s.api_key_id, s.network, s.route, capacity, remaining,
           CASE WHEN limited_until IS NOT NULL THEN seen_at END, limited_until, seen_at
      FROM json_to_recordset(p_tallies -> 'buckets') AS t (
               rule_name text, key text, scope text, subject json, capacity integer,
               remaining integer, limited_until timestamptz, seen_at timestamptz
           )
     CROSS JOIN LATERAL json_to_record(subject) AS s (
               tenant_id uuid, user_id uuid, api_key_id uuid, network text, route text
           )
     ORDER BY rule_name, decode(key, 'hex')
        ON CONFLICT (rule_name, key) DO UPDATE
       SET capacity = excluded.capacity,
           remaining = excluded.remaining,
           -- Who hammers passes now and then: that ends nothing within a minute.
           limited_since = CASE WHEN excluded.seen_at <= b.limited_until + interval '1 minute'
                                THEN b.limited_since
                                ELSE excluded.limited_since
                            END,
           limited_until = CASE WHEN excluded.limited_until IS NOT NULL
                                THEN excluded.limited_until
                                ELSE b.limited_until
                            END,
           seen_at = excluded.seen_at
     WHERE b.seen_at <= excluded.seen_at;
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION add_rate_limit_tallies FROM PUBLIC;
