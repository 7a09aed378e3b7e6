from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("health", "0011_audited"), ("audit", "0013_truncation")]
    operations = [truncation_audited("health_events", "daily_checkins")]
