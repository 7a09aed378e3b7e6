from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("documents", "0009_support"), ("audit", "0013_truncation")]
    operations = [truncation_audited("documents", "encryption_keys")]
