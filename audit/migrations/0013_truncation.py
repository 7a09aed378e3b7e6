from django.db import migrations

from core.sql import SqlObject, truncation_audited

SETTINGS = "Rights or the log's own settings changed"
BEFORE = ["rights-changed", "log-settings-changed"]
AFTER = [*BEFORE, "rows-truncated"]


def count_it(apps, schema_editor):
    """A rule that somebody has changed stays theirs."""
    rules = apps.get_model("audit", "AuditAlertRule").objects
    rules.filter(name=SETTINGS, events=BEFORE).update(events=AFTER)


def count_it_no_more(apps, schema_editor):
    rules = apps.get_model("audit", "AuditAlertRule").objects
    rules.filter(name=SETTINGS, events=AFTER).update(events=BEFORE)


class Migration(migrations.Migration):
    dependencies = [("audit", "0012_keeping")]
    operations = [
        SqlObject("functions", "audit_truncation"),
        truncation_audited(
            "audit_alert_rules", "audit_alerts", "audit_retention", "audit_legal_holds"
        ),
        migrations.RunPython(count_it, count_it_no_more),
    ]
