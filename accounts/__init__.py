"""Who is who: tenants, users and their profiles, log-in, tokens, erasure.

Owns the tables tenants, users, user_profiles, refresh_families, refresh_tokens,
login_throttles and erasure_certificates, and the SQL side of the gate (`enter_gate`).
Its doors are the auth and users pages of both API versions and the admin; health and the
apps above it call `accounts.services` and `accounts.queries`. It uses core alone.
"""
