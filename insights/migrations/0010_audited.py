from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("insights", "0009_safety_alert_index"), ("audit", "0004_closed")]
    operations = [
        audited("insight_acknowledgements", by_person=True),
        audited("insight_interactions", by_person=True),
        audited("analytics_events", by_person=True),
    ]
