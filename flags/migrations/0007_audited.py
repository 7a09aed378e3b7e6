from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("flags", "0006_erased_people"), ("audit", "0004_closed")]
    operations = [
        audited(
            "feature_flags", shown="flag_name,is_enabled,rollout_percentage,version,default_variant"
        ),
        audited("feature_flag_ramps", shown="flag_name,variant,state,position"),
        audited("feature_flag_change_requests", shown="flag_name,state"),
    ]
