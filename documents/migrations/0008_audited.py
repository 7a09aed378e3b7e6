from django.db import migrations

from core.sql import audited


class Migration(migrations.Migration):
    dependencies = [("documents", "0007_staff_versions"), ("audit", "0004_closed")]
    operations = [
        audited(
            "documents",
            shown="status,error_code,failed_stage,run",
            ignored=(
                "progress_percentage,fence,due_at,leased_by,tries,losses,progress_at,"
                "stage_started_at,processed_chunks,updated_at"
            ),
            by_person=True,
        ),
        audited("encryption_keys", shown="key_version,key_status,kek_id", by_person=True),
    ]
