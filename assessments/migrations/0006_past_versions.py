from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("assessments", "0005_truncation")]
    operations = [SqlObject("policies", "assessment_definitions__member", version=2)]
