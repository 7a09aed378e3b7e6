from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("assessments", "0003_policies"), ("audit", "0004_closed")]
    operations = [
        audited("assessment_definitions", shown="name,version,is_active"),
    ]
