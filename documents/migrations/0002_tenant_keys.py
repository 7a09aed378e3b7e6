from django.db import migrations

from core.sql import tenant_key, tenant_reference


def goes_with_its_document(table):
    """Rows that are deleted with their document. The key cannot cross tenants."""
    name = f"{table}_document_id_fk"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (document_id, tenant_id)"
        " REFERENCES documents (id, tenant_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_api_keys"), ("documents", "0001_tables")]
    operations = [
        tenant_key("documents"),
        tenant_key("document_attempts"),
        tenant_key("document_texts"),
        tenant_key("document_terms"),
        tenant_key("document_chunks"),
        tenant_key("user_document_vectors"),
        tenant_key("encryption_keys"),
        tenant_key("document_actions"),
        tenant_key("llama_parse_jobs"),
        tenant_reference("documents", "user_id", "users"),
        tenant_reference("document_attempts", "user_id", "users"),
        tenant_reference("document_texts", "user_id", "users"),
        tenant_reference("document_terms", "user_id", "users"),
        tenant_reference("document_chunks", "user_id", "users"),
        tenant_reference("user_document_vectors", "user_id", "users"),
        tenant_reference("encryption_keys", "user_id", "users"),
        tenant_reference("document_actions", "user_id", "users"),
        tenant_reference("llama_parse_jobs", "user_id", "users"),
        goes_with_its_document("document_attempts"),
        goes_with_its_document("document_texts"),
        goes_with_its_document("document_terms"),
        goes_with_its_document("document_chunks"),
        goes_with_its_document("user_document_vectors"),
        tenant_reference("document_texts", "key_id", "encryption_keys"),
        tenant_reference("document_terms", "key_id", "encryption_keys"),
        tenant_reference("document_chunks", "key_id", "encryption_keys"),
        tenant_reference("user_document_vectors", "key_id", "encryption_keys"),
    ]
