import json

from django.db import migrations
from django.db.models.functions import Now

# Key, what it is for, purpose, whether it is on.
FLAGS = (
    (
        "enhanced_error_handling",
        "Errors of the document pipeline with codes and advice.",
        "release",
        True,
    ),
    (
        "llama_parse_integration",
        "Documents are read by LlamaParse, where its key is set.",
        "release",
        False,
    ),
    (
        "new_health_events",
        "Check-ins are kept as health events, and version 2 answers.",
        "release",
        True,
    ),
    ("realtime_progress", "The progress of a document is streamed to its owner.", "release", False),
    ("supabase_v2_upload", "Documents take the new way of upload.", "release", False),
    ("vector_encryption", "Vectors of documents are stored encrypted.", "release", True),
)


def add_flags(apps, schema_editor):
    flag_model = apps.get_model("flags", "FeatureFlag")
    version_model = apps.get_model("flags", "FeatureFlagVersion")
    for key, description, purpose, is_on in FLAGS:
        ranges = {"ranges": [[0, 100_000]]} if is_on else {}
        variants = [{"name": "on", "value": True} | ranges, {"name": "off", "value": False}]
        definition = {
            "key": key,
            "description": description,
            "is_enabled": is_on,
            "variants": variants,
            "salt": key,
            "purpose": purpose,
        }
        flag_model.objects.create(
            flag_name=key,
            description=description,
            is_enabled=is_on,
            rollout_percentage=100 if is_on else 0,
            variants=json.dumps(variants, separators=(",", ":")),
            salt=key,
            purpose=purpose,
            version=1,
            created_at=Now(),
            updated_at=Now(),
            created_by="installation",
            updated_by="installation",
        )
        version_model.objects.create(
            flag_name=key,
            version=1,
            definition_json=json.dumps(definition),
            kind="create",
            reason="One of the flags that come with the house.",
            changed_by="installation",
            changed_at=Now(),
        )


def remove_flags(apps, schema_editor):
    """All of them: the history refuses to lose rows, and goes with its table anyway."""
    for table in ("feature_flags", "feature_flag_versions"):
        schema_editor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        schema_editor.execute(f"DELETE FROM {table}")
        schema_editor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


class Migration(migrations.Migration):
    dependencies = [("flags", "0002_rule_set")]
    operations = [migrations.RunPython(add_flags, remove_flags)]
