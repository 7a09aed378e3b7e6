from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("flags", "0004_evaluation")]
    operations = [
        SqlObject("functions", "exposed_subject"),
        SqlObject("functions", "add_flag_tallies"),
        migrations.RunSQL(
            # Hashes do not become smaller, and trying costs more than the rest of a flush.
            "ALTER TABLE feature_flag_exposures ALTER subjects SET STORAGE EXTERNAL",
            "ALTER TABLE feature_flag_exposures ALTER subjects SET STORAGE EXTENDED",
        ),
    ]
