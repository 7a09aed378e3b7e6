from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("medications", "0002_tenant_keys"), ("health", "0003_event_log")]
    operations = [
        SqlObject("policies", "user_medications__person"),
        SqlObject("policies", "user_medications__erasure"),
        SqlObject("policies", "medication_regimens__person"),
        SqlObject("policies", "medication_regimens__erasure"),
        SqlObject("views", "medication_adherence"),
    ]
