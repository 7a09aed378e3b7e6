from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("medications", "0003_policies"), ("audit", "0004_closed")]
    operations = [
        audited("user_medications", by_person=True),
        audited("medication_regimens", by_person=True),
    ]
