-- Not reachable inside the gate: a policy that is never true, and no grant.
ALTER TABLE refresh_families ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON refresh_families TO novara_api
    USING (false)
    WITH CHECK (false);
