-- Deletes entries that have been kept for as long as audit_retention says, except what a legal hold
-- keeps, in the next links after one; gives the last link it looked at (null: none is left) and how
-- many entries went. audit/pruning.py calls it over and over. Whoever calls it chooses nothing: not
-- the time, not the entries. It tells the log what it deleted, in each tenant's chain, so that
-- verify can tell that from what was deleted otherwise. Of novara_pruner, the one role that may.
CREATE OR REPLACE FUNCTION prune_audit_logs(
    p_after_seal bigint, p_seals integer, OUT last_seal bigint, OUT deleted bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    this_moment timestamptz := clock_timestamp();
    told jsonb;
    one jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit pruner', 0));
    WITH seals AS (
        SELECT id, tenant_id, sequence, entry_count, entry_ids, pruned, sealed_at
          FROM audit_seals
         WHERE id > p_after_seal
           AND entry_ids <> '{}'
           AND sealed_at < this_moment
                           - (SELECT min(days) FROM audit_retention) * interval '1 day'
         ORDER BY id
         LIMIT p_seals
    ), due AS (
        -- An entry was recorded before it was sealed.
        SELECT s.id AS seal_id, e.ordinal - 1 AS place, l.id, l.tenant_id
          FROM seals s
         CROSS JOIN LATERAL unnest(s.entry_ids) WITH ORDINALITY AS e (id, ordinal)
          JOIN audit_logs l ON l.id = e.id AND l.tenant_id = s.tenant_id
          JOIN audit_retention r ON r.category = l.category
         WHERE s.sealed_at < this_moment - r.days * interval '1 day'
           -- Verify asks these which retention could apply.
           AND l.object_type <> 'audit_retention'
           AND NOT EXISTS (
               SELECT
                 FROM audit_legal_holds h
                WHERE h.released_at IS NULL
                  AND h.tenant_id = l.tenant_id
                  AND (h.subject_id IS NULL OR h.subject_id IN (l.subject_id, l.actor_id))
               )
    ), gone AS (
        DELETE FROM audit_logs l
         USING due d
         WHERE l.id = d.id
           AND l.tenant_id = d.tenant_id
        RETURNING d.seal_id, d.place
    ), changed AS (
        SELECT s.id, s.tenant_id, s.sequence, g.places, s.pruned || g.places AS pruned,
               cardinality(s.pruned) + cardinality(g.places) = s.entry_count AS is_whole
          FROM seals s
          JOIN (SELECT seal_id, array_agg(place::integer ORDER BY place) AS places
                  FROM gone
                 GROUP BY seal_id) g ON g.seal_id = s.id
    ), shrunk AS (
        -- A link of which nothing is left needs its leaves no more. One that lacks an entry which
        -- was deleted otherwise keeps them, for ever.
        UPDATE audit_seals s
           SET pruned = CASE WHEN c.is_whole THEN '{}' ELSE c.pruned END,
               entry_ids = CASE WHEN c.is_whole THEN '{}' ELSE s.entry_ids END,
               leaves = CASE WHEN c.is_whole THEN '' ELSE s.leaves END
          FROM changed c
         WHERE s.id = c.id
           AND s.tenant_id = c.tenant_id
    ), by_tenant AS (
        SELECT tenant_id, sum(cardinality(places)) AS entries,
               coalesce(jsonb_agg(sequence ORDER BY sequence) FILTER (WHERE is_whole), '[]')
                   AS links,
               coalesce(jsonb_object_agg(sequence, places) FILTER (WHERE NOT is_whole), '{}')
                   AS places
          FROM changed
         GROUP BY tenant_id
    )
    SELECT (SELECT max(id) FROM seals), coalesce(sum(t.entries), 0),
           coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.tenant_id), '[]')
      INTO last_seal, deleted, told
      FROM by_tenant t;

    FOR one IN SELECT * FROM jsonb_array_elements(told) LOOP
        PERFORM write_audit_entry(
            'entries-pruned', 'system', (one ->> 'tenant_id')::uuid, NULL, 'audit_logs', '',
            (one ->> 'entries')::integer, 'success',
            jsonb_build_object(
                'links', one -> 'links', 'places', one -> 'places',
                'days', (SELECT jsonb_object_agg(category, days) FROM audit_retention)
            )
        );
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION prune_audit_logs FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO novara_pruner;
ALTER FUNCTION prune_audit_logs OWNER TO novara_pruner;
REVOKE CREATE ON SCHEMA public FROM novara_pruner;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION prune_audit_logs TO %I', current_user);
END
$$;
GRANT EXECUTE ON FUNCTION write_audit_entry TO novara_pruner;
GRANT SELECT, UPDATE (pruned, entry_ids, leaves) ON audit_seals TO novara_pruner;
GRANT SELECT ON audit_retention, audit_legal_holds TO novara_pruner;
