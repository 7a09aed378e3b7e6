-- Deletes entries of one clinic that have been kept for as long as audit_retention says, except
-- what a legal hold keeps, in the next links after one; gives the last link it looked at (null:
-- none is left) and how many entries went. audit/pruning.py calls it over and over. Whoever calls
-- it chooses the clinic alone: not the time, not the entries. It tells the clinic's chain what it
-- deleted, so that verify can tell that from what was deleted otherwise. Each link notes of which
-- categories something is left, so that no later night looks at its entries in vain. Of
-- novara_pruner, the one role that may.
DROP FUNCTION IF EXISTS prune_audit_logs(bigint, integer);

CREATE OR REPLACE FUNCTION prune_audit_logs(
    p_tenant uuid, p_after_sequence bigint, p_links integer,
    OUT last_sequence bigint, OUT deleted bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    this_moment timestamptz := clock_timestamp();
    after_time timestamptz;
    -- The sealer waits for a transaction that deletes, so that it must be short.
    most_entries CONSTANT integer := 20000;
    links jsonb;
    places jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit pruner', 0));
    -- Whoever places or releases a legal hold waits for this, or this for them.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('audit holds', 0));
    SELECT coalesce(min(sealed_at), '-infinity')
      INTO after_time
      FROM audit_seals
     WHERE tenant_id = p_tenant
       AND sequence = p_after_sequence;
    WITH due_links AS (
        SELECT id, sequence, entry_count, entry_ids, pruned, kept, sealed_at,
               sum(entry_count) OVER (ORDER BY sealed_at, sequence) - entry_count AS entries_before
          FROM (SELECT *
                  FROM audit_seals
                 WHERE tenant_id = p_tenant
                   AND (sealed_at, sequence) > (after_time, p_after_sequence)
                   AND entry_ids <> '{}'
                   AND sealed_at < this_moment
                                   - (SELECT min(days) FROM audit_retention) * interval '1 day'
                   AND (kept IS NULL
                        OR EXISTS (SELECT
                                     FROM audit_retention r
                                    WHERE r.category = ANY (kept)
                                      AND sealed_at < this_moment - r.days * interval '1 day'))
                 ORDER BY sealed_at, sequence
                 LIMIT p_links) s
    ), seals AS MATERIALIZED (
        SELECT *
          FROM due_links
         WHERE entries_before < most_entries
    ), entries AS MATERIALIZED (
        SELECT s.id AS seal_id, e.ordinal - 1 AS place, l.id, l.category,
               -- Two clocks agree: of the sealing, and of what the entry says of itself.
               s.sealed_at < this_moment - r.days * interval '1 day'
               AND l.recorded_at < this_moment - r.days * interval '1 day'
               AND NOT EXISTS (
                   SELECT
                     FROM audit_legal_holds h
                    WHERE h.released_at IS NULL
                      -- What is told of a person may stand in the chain of the house, too.
                      AND (h.subject_id IN (l.subject_id, l.actor_id)
                           OR h.subject_id IS NULL AND h.tenant_id = p_tenant)
                   ) AS is_due
          FROM seals s
         CROSS JOIN LATERAL unnest(s.entry_ids) WITH ORDINALITY AS e (id, ordinal)
          JOIN audit_logs l ON l.id = e.id AND l.tenant_id = p_tenant
          JOIN audit_retention r ON r.category = l.category
         -- Verify asks these which retention could apply, and what was held.
         WHERE l.object_type NOT IN ('audit_retention', 'audit_legal_holds')
    ), gone AS (
        DELETE FROM audit_logs l
         USING entries e
         WHERE e.is_due
           AND l.id = e.id
           AND l.tenant_id = p_tenant
        RETURNING e.seal_id, e.place
    ), changed AS (
        SELECT s.id, s.sequence, g.places, s.pruned || g.places AS pruned,
               cardinality(s.pruned) + cardinality(g.places) = s.entry_count AS is_whole
          FROM seals s
          JOIN (SELECT seal_id, array_agg(place::integer ORDER BY place) AS places
                  FROM gone
                 GROUP BY seal_id) g ON g.seal_id = s.id
    ), looked_at AS (
        SELECT s.id, c.pruned, coalesce(c.is_whole, false) AS is_whole,
               coalesce(k.categories, '{}') AS kept
          FROM seals s
          LEFT JOIN changed c ON c.id = s.id
          LEFT JOIN (SELECT seal_id, array_agg(DISTINCT category) AS categories
                       FROM entries
                      WHERE NOT is_due
                      GROUP BY seal_id) k ON k.seal_id = s.id
    ), shrunk AS (
        -- A link of which nothing is left needs its leaves no more. One that lacks an entry which
        -- was deleted otherwise keeps them, for ever.
        UPDATE audit_seals s
           SET kept = v.kept,
               pruned = CASE WHEN v.is_whole THEN '{}' ELSE coalesce(v.pruned, s.pruned) END,
               entry_ids = CASE WHEN v.is_whole THEN '{}' ELSE s.entry_ids END,
               leaves = CASE WHEN v.is_whole THEN '' ELSE s.leaves END
          FROM looked_at v
         WHERE s.id = v.id
           AND s.tenant_id = p_tenant
           AND (v.pruned IS NOT NULL OR s.kept IS DISTINCT FROM v.kept)
    ), ranges AS (
        SELECT min(sequence) AS first, max(sequence) AS last
          FROM (SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS island
                  FROM changed
                 WHERE is_whole) w
         GROUP BY island
    )
    SELECT (SELECT s.sequence FROM seals s ORDER BY s.sealed_at DESC, s.sequence DESC LIMIT 1),
           (SELECT coalesce(sum(cardinality(c.places)), 0) FROM changed c),
           (SELECT coalesce(jsonb_agg(jsonb_build_array(r.first, r.last) ORDER BY r.first), '[]')
              FROM ranges r),
           (SELECT coalesce(jsonb_object_agg(c.sequence, c.places), '{}')
              FROM changed c
             WHERE NOT c.is_whole)
      INTO last_sequence, deleted, links, places;

    IF deleted > 0 THEN
        PERFORM write_audit_entry(
            'entries-pruned', 'system', p_tenant, NULL, 'audit_logs', '', deleted::integer,
            'success',
            jsonb_build_object(
                'links', links, 'places', places,
                'days', (SELECT jsonb_object_agg(category, days) FROM audit_retention)
            )
        );
    END IF;
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
GRANT SELECT, UPDATE (pruned, kept, entry_ids, leaves) ON audit_seals TO novara_pruner;
GRANT SELECT ON audit_retention, audit_legal_holds TO novara_pruner;
