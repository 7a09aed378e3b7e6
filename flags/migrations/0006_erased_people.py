from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("flags", "0005_tallies")]
    operations = [
        # Variants are text; what is no JSON would be found by whoever reads all flags.
        migrations.RunSQL(
            "ALTER TABLE feature_flags ADD CONSTRAINT feature_flags_variants_json"
            " CHECK (jsonb_typeof(variants::jsonb) = 'array')",
            "ALTER TABLE feature_flags DROP CONSTRAINT feature_flags_variants_json",
        ),
        SqlObject("functions", "leave_flags"),
        SqlObject("triggers", "users__leave_flags"),
    ]
