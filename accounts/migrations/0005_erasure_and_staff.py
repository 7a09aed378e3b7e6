from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_first_tenant"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]
    operations = [
        SqlObject("roles", "novara_eraser"),
        SqlObject("policies", "users__erasure"),
        SqlObject("policies", "user_profiles__erasure"),
        SqlObject("policies", "refresh_families__erasure"),
        SqlObject("policies", "refresh_tokens__erasure"),
        SqlObject("policies", "erasure_certificates__erasure"),
        SqlObject("functions", "erase_person"),
        SqlObject("roles", "novara_staff"),
        SqlObject("policies", "tenants__staff"),
        SqlObject("policies", "users__staff"),
        SqlObject("policies", "users__staff_adds"),
        SqlObject("policies", "users__staff_changes"),
        SqlObject("policies", "refresh_families__staff"),
        SqlObject("policies", "user_profiles__staff"),
        SqlObject("policies", "erasure_certificates__staff"),
    ]
