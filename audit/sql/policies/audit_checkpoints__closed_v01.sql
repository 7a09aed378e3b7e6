-- Not reachable inside the gate: a policy that is never true, and no grant.
ALTER TABLE audit_checkpoints ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON audit_checkpoints TO novara_api
    USING (false)
    WITH CHECK (false);
