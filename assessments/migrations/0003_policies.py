from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_erasure_and_staff"),
        ("health", "0003_event_log"),
        ("assessments", "0002_tenant_keys"),
    ]
    operations = [
        SqlObject("policies", "assessment_definitions__member"),
        SqlObject("policies", "assessment_definitions__staff"),
        SqlObject("triggers", "assessment_definitions__unchanged"),
        SqlObject("views", "assessment_responses"),
    ]
