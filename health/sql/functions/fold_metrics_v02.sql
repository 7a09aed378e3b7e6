-- Computes marked days anew: at most p_most at once; answers how many. Called by health/metrics.py.
-- Marks go in one statement, their days are computed in a later one, whose snapshot is newer: an
-- event that commits in between is counted, and its mark stays. That holds where each statement
-- has its own snapshot. One fold, rebuild or erasure at a time, so that an older snapshot never
-- overwrites a newer one. A day with more than a row can hold (hundreds of megabytes of lists)
-- stays marked, so that nobody else waits for it, and is tried again an hour later: its mark lies
-- in the future until then.
CREATE OR REPLACE FUNCTION fold_metrics(p_most integer)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    people uuid[];
    days date[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'fold_metrics() needs READ COMMITTED.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('metrics', 0));

    WITH chosen AS (
        SELECT user_id, local_date
          FROM metric_marks
         GROUP BY user_id, local_date
        HAVING max(marked_at) <= clock_timestamp()
         ORDER BY user_id, local_date
         LIMIT p_most
    ),
    taken AS (
        -- Looked up day by day (OFFSET 0) and deleted by their places. A join would go by the
        -- table's statistics, which are wrong whenever it has just been emptied or filled.
        DELETE FROM metric_marks
         WHERE ctid = ANY (ARRAY(SELECT m.ctid
                                   FROM chosen c
                                  CROSS JOIN LATERAL (
                                               SELECT x.ctid
                                                 FROM metric_marks x
                                                WHERE x.user_id = c.user_id
                                                  AND x.local_date = c.local_date
                                               OFFSET 0
                                        ) m))
        RETURNING user_id, local_date
    )
    SELECT array_agg(t.user_id ORDER BY t.user_id, t.local_date),
           array_agg(t.local_date ORDER BY t.user_id, t.local_date)
      INTO people, days
      FROM (SELECT DISTINCT user_id, local_date FROM taken) t;
    IF people IS NULL THEN
        RETURN 0;
    END IF;

    BEGIN
        PERFORM fold_days(people, days);
    EXCEPTION
        WHEN program_limit_exceeded OR out_of_memory OR internal_error THEN
            FOR place IN 1 .. cardinality(people) LOOP
                BEGIN
                    PERFORM fold_days(people[place:place], days[place:place]);
                EXCEPTION
                    WHEN program_limit_exceeded OR out_of_memory OR internal_error THEN
                        RAISE WARNING 'The day % of user % is too large to be folded: %',
                            days[place], people[place], SQLERRM;
                        INSERT INTO metric_marks (tenant_id, user_id, local_date, marked_at)
                        SELECT u.tenant_id, u.id, days[place], clock_timestamp() + interval '1 hour'
                          FROM users u
                         WHERE u.id = people[place];
                END;
            END LOOP;
    END;
    RETURN cardinality(people);
END
$$;

REVOKE EXECUTE ON FUNCTION fold_metrics FROM PUBLIC;
