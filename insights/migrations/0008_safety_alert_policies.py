from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("insights", "0007_acknowledgement_keys")]
    operations = [
        SqlObject("policies", "insight_acknowledgements__closed"),
        SqlObject("policies", "insight_acknowledgements__erasure"),
        SqlObject("policies", "insight_acknowledgements__staff"),
    ]
