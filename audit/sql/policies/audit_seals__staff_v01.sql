-- Staff see that an entry of their clinic is sealed, and in which link of its chain.
CREATE POLICY staff ON audit_seals FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT (id, tenant_id, sequence, entry_count, before_tx, before_id, sealed_at)
   ON audit_seals TO novara_staff;
