from django.db import migrations

from core.sql import SqlObject, audited


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_api_keys"), ("audit", "0004_closed")]
    operations = [
        SqlObject("functions", "enter_gate", version=3),
        SqlObject("functions", "erase_person", version=3),
        audited("tenants", shown="name,slug,is_active", tenant="id"),
        audited(
            "users",
            shown="is_active,is_staff,is_superuser,is_support",
            ignored="last_login",
            person="id",
        ),
        audited("user_profiles", shown="email_opt_in", ignored="updated_at", key="user_id"),
        audited(
            "api_keys", shown="name,prefix,scopes,environment,expires_at", ignored="last_used_at"
        ),
        audited("erasure_certificates", person="subject_id"),
    ]
