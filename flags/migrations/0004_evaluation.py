from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("flags", "0003_initial_flags"), ("accounts", "0005_erasure_and_staff")]
    operations = [
        SqlObject("roles", "novara_flags"),
        SqlObject("functions", "flag_bucket"),
        SqlObject("functions", "flag_number"),
        SqlObject("functions", "flag_version"),
        SqlObject("functions", "flag_is_among"),
        SqlObject("functions", "flag_meets"),
        SqlObject("functions", "flag_outcome"),
        SqlObject("functions", "evaluate_feature_flag_details"),
        SqlObject("functions", "evaluate_feature_flag"),
    ]
