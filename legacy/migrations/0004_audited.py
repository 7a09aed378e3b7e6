from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("legacy", "0003_policies"), ("audit", "0004_closed")]
    operations = [
        audited("legacy_records", by_person=True),
    ]
