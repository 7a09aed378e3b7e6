from django.db import migrations, models

from core.sql import SqlObject

LISTS = {
    "name": "One member of staff goes through lists of people",
    "description": "Somebody of the staff, or an administrator, had more different people on the"
    " pages they opened than a day's work needs: in lists and searches, in the audit log, or one by"
    " one. Ask them what it was for.",
    "events": ["records-listed", "record-viewed", "document-disclosed", "audit-viewed"],
    "actor_kinds": ["staff", "administrator"],
    "counts": "people",
    "threshold": 200,
    "window_minutes": 60,
    "group_by": "actor",
    "severity": "warning",
    "cool_down_minutes": 240,
}


def add(apps, schema_editor):
    """A rule of this name that somebody has made already is theirs."""
    rules = apps.get_model("audit", "AuditAlertRule").objects
    rules.get_or_create(name=LISTS["name"], defaults=LISTS)


def remove(apps, schema_editor):
    apps.get_model("audit", "AuditAlertRule").objects.filter(**LISTS).delete()


class Migration(migrations.Migration):
    dependencies = [("audit", "0009_default_retention")]
    operations = [
        migrations.AddIndex(
            model_name="auditalert",
            index=models.Index(
                condition=models.Q(("status", "resolved")),
                fields=["rule_id", "group_key", "tenant_id", "resolved_at"],
                name="audit_alerts_last_resolved",
            ),
        ),
        SqlObject("policies", "audit_alerts__staff", version=2),
        SqlObject("functions", "audit_event", version=2),
        SqlObject("triggers", "audit_alert_rules__settings", version=2),
        migrations.RunPython(add, remove),
    ]
