from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_legal_holds"), ("audit", "0013_truncation")]
    operations = [
        truncation_audited("tenants", "users", "user_profiles", "api_keys", "erasure_certificates"),
    ]
