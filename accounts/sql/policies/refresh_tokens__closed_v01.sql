-- Not reachable inside the gate: a policy that is never true, and no grant.
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON refresh_tokens TO novara_api
    USING (false)
    WITH CHECK (false);
