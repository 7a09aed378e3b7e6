from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0006_llama_outbox")]
    operations = [
        SqlObject("policies", "document_texts__staff"),
        SqlObject("policies", "document_chunks__staff"),
        SqlObject("policies", "user_document_vectors__staff"),
        SqlObject("policies", "encryption_keys__staff"),
        SqlObject("policies", "embedding_models__staff"),
    ]
