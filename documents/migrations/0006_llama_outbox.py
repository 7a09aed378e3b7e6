from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0005_encryption_keys")]
    operations = [
        SqlObject("policies", "abandoned_llama_jobs__person"),
        SqlObject("policies", "abandoned_llama_jobs__erasure"),
        SqlObject("functions", "note_abandoned_llama_job"),
        SqlObject("triggers", "llama_parse_jobs__note_abandoned"),
    ]
