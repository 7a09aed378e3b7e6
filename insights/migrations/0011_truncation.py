from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("insights", "0010_audited"), ("audit", "0013_truncation")]
    operations = [
        truncation_audited("insight_acknowledgements", "insight_interactions", "analytics_events"),
    ]
