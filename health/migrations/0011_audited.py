from django.db import migrations

from core.sql import SqlObject, audited


class Migration(migrations.Migration):
    dependencies = [
        ("health", "0010_batch"),
        ("accounts", "0010_audited"),
        ("audit", "0004_closed"),
    ]
    operations = [
        SqlObject("functions", "record_events", version=3),
        SqlObject("functions", "submit_checkin", version=2),
        audited("health_events", by_person=True),
        audited("daily_checkins", ignored="events_revision,updated_at", by_person=True),
    ]
