-- Not reachable inside the gate: a policy that is never true, and no grant.
ALTER TABLE login_throttles ENABLE ROW LEVEL SECURITY;

CREATE POLICY closed ON login_throttles TO novara_api
    USING (false)
    WITH CHECK (false);
