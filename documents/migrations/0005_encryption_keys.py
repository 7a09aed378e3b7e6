from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0004_pipeline")]
    operations = [
        SqlObject("functions", "keep_keys_in_use"),
        SqlObject("triggers", "encryption_keys__keep_keys_in_use"),
        SqlObject("functions", "keep_sealed_by_key"),
        SqlObject("triggers", "document_texts__keep_sealed_by_key"),
        SqlObject("triggers", "document_terms__keep_sealed_by_key"),
        SqlObject("triggers", "document_chunks__keep_sealed_by_key"),
        SqlObject("triggers", "user_document_vectors__keep_sealed_by_key"),
    ]
