from django.db import migrations

RULES = [
    {
        "name": "Many refused log-ins for one account",
        "description": "Somebody tries passwords for an account, or has forgotten their own. Look"
        " where the tries come from and speak to the person; a refused log-in that is followed by"
        " a good one from the same place is worse than one that is not.",
        "events": ["log-in"],
        "outcome": "failure",
        "counts": "entries",
        "threshold": 10,
        "window_minutes": 15,
        "group_by": "object",
        "severity": "warning",
        "cool_down_minutes": 60,
    },
    {
        "name": "Many refused log-ins from one network",
        "description": "Somebody tries passwords for many accounts. Look which accounts were tried"
        " and whether one of them was opened; the limits for log-ins slow this down.",
        "events": ["log-in"],
        "outcome": "failure",
        "counts": "entries",
        "threshold": 30,
        "window_minutes": 15,
        "group_by": "network",
        "severity": "critical",
        "cool_down_minutes": 60,
    },
    {
        "name": "One member of staff looks at many records",
        "description": "Somebody of the staff, or an administrator, looked at the records of more"
        " different people than a day's work needs. Ask them what it was for.",
        "events": ["record-viewed", "document-disclosed"],
        "actor_kinds": ["staff", "administrator"],
        "counts": "people",
        "threshold": 30,
        "window_minutes": 10,
        "group_by": "actor",
        "severity": "warning",
        "cool_down_minutes": 240,
    },
    {
        "name": "Bulk export or disclosure",
        "description": "Much was taken out at once: entries of the audit log, or what is in"
        " documents of people. Ask who did it what it was for.",
        "events": ["audit-exported", "document-disclosed"],
        "outcome": "success",
        "counts": "objects",
        "threshold": 20,
        "window_minutes": 60,
        "group_by": "actor",
        "severity": "critical",
        "cool_down_minutes": 240,
    },
    {
        "name": "Rights or the log's own settings changed",
        "description": "Somebody was given or lost rights in the console; retention of the audit"
        " log, a legal hold or an alert rule was changed; in whatever way, SQL included. Make sure"
        " that a colleague knows why.",
        "events": ["rights-changed", "log-settings-changed"],
        "counts": "entries",
        "threshold": 1,
        "window_minutes": 60,
        "group_by": "actor",
        "severity": "critical",
        "cool_down_minutes": 0,
    },
]


def add(apps, schema_editor):
    rules = apps.get_model("audit", "AuditAlertRule").objects
    for rule in RULES:
        rules.create(**rule)
    apps.get_model("audit", "AuditAlertCursor").objects.create(position="0")


def remove(apps, schema_editor):
    apps.get_model("audit", "AuditAlertRule").objects.all().delete()
    apps.get_model("audit", "AuditAlertCursor").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_reading")]
    operations = [migrations.RunPython(add, remove)]
