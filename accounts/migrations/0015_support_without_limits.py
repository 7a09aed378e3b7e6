from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_truncation")]
    operations = [
        SqlObject("policies", "rate_limit_buckets__support", version=2),
        SqlObject("policies", "rate_limit_violations__support", version=2),
    ]
