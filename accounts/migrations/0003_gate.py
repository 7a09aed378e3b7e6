from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_tenant_keys")]
    operations = [
        SqlObject("roles", "novara_api"),
        SqlObject("policies", "tenants__member"),
        SqlObject("policies", "users__person"),
        SqlObject("policies", "user_profiles__person"),
        SqlObject("policies", "refresh_families__closed"),
        SqlObject("policies", "refresh_tokens__closed"),
        SqlObject("policies", "login_throttles__closed"),
        SqlObject("functions", "enter_gate"),
    ]
