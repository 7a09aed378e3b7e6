from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0002_tenant_keys")]
    operations = [
        SqlObject("policies", "documents__person"),
        SqlObject("policies", "documents__erasure"),
        SqlObject("policies", "documents__staff"),
        SqlObject("policies", "document_attempts__person"),
        SqlObject("policies", "document_attempts__erasure"),
        SqlObject("policies", "document_attempts__staff"),
        SqlObject("policies", "document_texts__person"),
        SqlObject("policies", "document_texts__erasure"),
        SqlObject("policies", "document_terms__person"),
        SqlObject("policies", "document_terms__erasure"),
        SqlObject("policies", "document_chunks__person"),
        SqlObject("policies", "document_chunks__erasure"),
        SqlObject("policies", "user_document_vectors__person"),
        SqlObject("policies", "user_document_vectors__erasure"),
        SqlObject("policies", "encryption_keys__person"),
        SqlObject("policies", "encryption_keys__erasure"),
        SqlObject("policies", "document_actions__person"),
        SqlObject("policies", "document_actions__erasure"),
        SqlObject("policies", "document_actions__staff"),
        SqlObject("policies", "llama_parse_jobs__person"),
        SqlObject("policies", "llama_parse_jobs__erasure"),
        SqlObject("policies", "llama_parse_jobs__staff"),
        SqlObject("policies", "embedding_models__everybody"),
        SqlObject("policies", "deleted_blobs__person"),
        SqlObject("policies", "deleted_blobs__erasure"),
    ]
