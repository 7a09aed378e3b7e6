-- The old service's name: brings user_daily_metrics in step with the log, all marked days at once.
-- Nobody needs it, as reads are exact without it. Answers how many days were computed. It ends
-- while others write: what is less than asked for is all there was.
CREATE OR REPLACE FUNCTION refresh_user_metrics()
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    folded integer;
    total bigint := 0;
BEGIN
    LOOP
        folded := fold_metrics(10000);
        total := total + folded;
        EXIT WHEN folded < 10000;
    END LOOP;
    RETURN total;
END
$$;

REVOKE EXECUTE ON FUNCTION refresh_user_metrics FROM PUBLIC;
