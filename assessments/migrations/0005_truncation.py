from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("assessments", "0004_audited"), ("audit", "0013_truncation")]
    operations = [truncation_audited("assessment_definitions")]
