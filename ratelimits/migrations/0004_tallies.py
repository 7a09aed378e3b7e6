from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0003_policies")]
    operations = [SqlObject("functions", "add_rate_limit_tallies")]
