from django.db import migrations

RULES = (
    {
        "name": "own-limits",
        "description": "Questions of one person about their limits, which no other rule counts.",
        "scope": "user",
        "paths": ["/api/v2/me/limits"],
        "capacity": 60,
        "refill": 60,
        "window_seconds": 60,
    },
    {
        "name": "streams",
        "description": "Streams that one person opens: a tab opens two, and again when one breaks.",
        "scope": "user",
        "paths": ["/streams/*"],
        "capacity": 120,
        "refill": 60,
        "window_seconds": 60,
    },
    {
        "name": "streams-of-servers",
        "description": "Streams that servers with one API key open.",
        "scope": "api_key",
        "paths": ["/streams/*"],
        "capacity": 600,
        "refill": 600,
        "window_seconds": 60,
    },
    {
        "name": "streams-of-networks",
        "description": "Attempts to open a stream without a good ticket, by network.",
        "scope": "network",
        "paths": ["/streams/*"],
        "capacity": 120,
        "refill": 60,
        "window_seconds": 60,
    },
)


def add_rules(apps, schema_editor):
    rule_model = apps.get_model("ratelimits", "RateLimitRule")
    there = set(rule_model.objects.values_list("name", flat=True))
    for rule in RULES:
        # Somebody may have made one of this name.
        if rule["name"] not in there:
            rule_model.objects.create(updated_by="installation", **rule)


def take_rules(apps, schema_editor):
    names = [rule["name"] for rule in RULES]
    made = apps.get_model("ratelimits", "RateLimitRule").objects.filter(
        name__in=names, updated_by="installation"
    )
    made.delete()


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0006_violation_indexes")]
    operations = [migrations.RunPython(add_rules, take_rules)]
