-- Which keys a person has, and their states; no key material.
CREATE POLICY staff ON encryption_keys FOR SELECT TO novara_staff
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT (id, tenant_id, user_id, key_version, key_status, created_at, rotated_at, retired_at)
    ON encryption_keys TO novara_staff;
