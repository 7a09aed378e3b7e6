from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("documents", "0003_policies")]
    operations = [
        SqlObject("functions", "keep_document_transitions"),
        SqlObject("triggers", "documents__keep_transitions"),
        SqlObject("functions", "note_deleted_blob"),
        SqlObject("triggers", "documents__note_deleted_blob"),
        SqlObject("functions", "tell_document_progress"),
        SqlObject("triggers", "documents__tell_progress"),
        SqlObject("functions", "keep_document_actions"),
        SqlObject("triggers", "document_actions__append_only"),
        SqlObject("functions", "update_document_progress"),
        SqlObject("views", "document_processing_stats"),
        SqlObject("views", "failed_documents"),
        SqlObject("views", "stuck_documents"),
        SqlObject("views", "user_upload_stats"),
    ]
