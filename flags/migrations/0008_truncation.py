from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("flags", "0007_audited"), ("audit", "0013_truncation")]
    operations = [
        truncation_audited("feature_flags", "feature_flag_ramps", "feature_flag_change_requests"),
    ]
