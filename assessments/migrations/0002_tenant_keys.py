from django.db import migrations

from core.sql import tenant_key


class Migration(migrations.Migration):
    dependencies = [("assessments", "0001_tables")]
    operations = [tenant_key("assessment_definitions")]
