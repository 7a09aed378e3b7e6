from django.db import migrations

from core.sql import SqlObject, truncation_audited

RULE = {
    "name": "A whole table was emptied",
    "description": "Somebody emptied a table by TRUNCATE, which nothing of Novara does. Find out who"
    " and why, and restore a backup.",
    "events": ["rows-truncated"],
    "counts": "entries",
    "threshold": 1,
    "window_minutes": 60,
    "group_by": "actor",
    "severity": "critical",
    "cool_down_minutes": 0,
}


def add(apps, schema_editor):
    """A rule of this name that somebody has made already is theirs."""
    rules = apps.get_model("audit", "AuditAlertRule").objects
    rules.get_or_create(name=RULE["name"], defaults=RULE)


def remove(apps, schema_editor):
    apps.get_model("audit", "AuditAlertRule").objects.filter(**RULE).delete()


class Migration(migrations.Migration):
    dependencies = [("audit", "0012_keeping")]
    operations = [
        SqlObject("functions", "audit_truncation"),
        truncation_audited(
            "audit_alert_rules", "audit_alerts", "audit_retention", "audit_legal_holds"
        ),
        migrations.RunPython(add, remove),
    ]
