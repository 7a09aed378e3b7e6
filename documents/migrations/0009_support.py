from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0008_audited"), ("accounts", "0011_support")]
    operations = [
        SqlObject("policies", "documents__support"),
        SqlObject("policies", "document_attempts__support"),
        SqlObject("policies", "document_actions__support"),
    ]
