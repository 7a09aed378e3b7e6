from django.db import migrations

# Generous to people and their programs: a page of the web client asks ten times, a phone that was
# away for a month sends ten batches at once.
RULES = (
    {
        "name": "people",
        "description": "What one person's programs do at once, and from minute to minute.",
        "scope": "user",
        "paths": ["/api/*"],
        "capacity": 600,
        "refill": 600,
        "window_seconds": 60,
        "weights": [
            {"path": "/api/v2/health/events/batch", "methods": ["POST"], "cost": 10},
            {"path": "/api/v2/documents", "methods": ["POST"], "cost": 10},
            {"path": "/api/v2/documents/search", "methods": [], "cost": 5},
            {"path": "/api/v2/documents/{document_id}/content", "methods": [], "cost": 5},
        ],
    },
    {
        "name": "clinics",
        "description": "All people of a clinic together, so that no clinic starves the others.",
        "scope": "tenant",
        "paths": ["/api/*"],
        "capacity": 12_000,
        "refill": 12_000,
        "window_seconds": 60,
        "weights": [
            {"path": "/api/v2/health/events/batch", "methods": ["POST"], "cost": 10},
            {"path": "/api/v2/documents", "methods": ["POST"], "cost": 10},
            {"path": "/api/v2/documents/search", "methods": [], "cost": 5},
        ],
    },
    {
        "name": "networks",
        "description": "Callers who are not signed in, by their network.",
        "scope": "network",
        "paths": ["/api/*", "/ofrep/*"],
        "capacity": 600,
        "refill": 600,
        "window_seconds": 60,
    },
    {
        "name": "uploads",
        "description": "Documents that one person uploads: each costs minutes of computing.",
        "scope": "user",
        "paths": ["/api/v2/documents"],
        "methods": ["POST"],
        "capacity": 100,
        "refill": 300,
        "window_seconds": 3600,
    },
    {
        "name": "document-searches",
        "description": "Searches of one person, each of which reads all their documents.",
        "scope": "user",
        "paths": ["/api/v2/documents/search"],
        "capacity": 60,
        "refill": 60,
        "window_seconds": 60,
    },
    {
        "name": "clinic-searches",
        "description": "Searches of all people of a clinic together.",
        "scope": "tenant_endpoint",
        "paths": ["/api/v2/documents/search"],
        "capacity": 1200,
        "refill": 1200,
        "window_seconds": 60,
    },
    {
        "name": "flags-of-people",
        "description": "OpenFeature clients of one person; a refusal stops all their evaluations.",
        "scope": "user",
        "paths": ["/ofrep/*"],
        "capacity": 600,
        "refill": 600,
        "window_seconds": 60,
    },
    {
        "name": "flags-of-servers",
        "description": "Servers with one API key: OpenFeature clients may ask at every evaluation.",
        "scope": "api_key",
        "paths": ["/ofrep/*", "/api/*"],
        "capacity": 12_000,
        "refill": 12_000,
        "window_seconds": 60,
    },
    {
        "name": "log-in-by-email",
        "description": "Failed log-ins for one e-mail address, counted in Postgres.",
        "scope": "login_email",
        "capacity": 10,
        "refill": 10,
        "window_seconds": 300,
    },
    {
        "name": "log-in-by-network",
        "description": "Failed log-ins from one network, counted in Postgres.",
        "scope": "login_network",
        "capacity": 100,
        "refill": 100,
        "window_seconds": 300,
    },
    {
        "name": "passwords",
        "description": "Failed attempts of a signed-in person to change the password, in Postgres.",
        "scope": "password",
        "capacity": 10,
        "refill": 10,
        "window_seconds": 300,
    },
    {
        "name": "sign-ups",
        "description": "Accounts made from one network, counted in Postgres.",
        "scope": "sign_up_network",
        "capacity": 100,
        "refill": 100,
        "window_seconds": 3600,
    },
)


def add_rules(apps, schema_editor):
    apps.get_model("ratelimits", "RateLimitRuleSet").objects.create(id=1)
    rule_model = apps.get_model("ratelimits", "RateLimitRule")
    for rule in RULES:
        rule_model.objects.create(updated_by="installation", **rule)


def take_rules(apps, schema_editor):
    apps.get_model("ratelimits", "RateLimitRule").objects.all().delete()
    apps.get_model("ratelimits", "RateLimitRuleSet").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0001_tables")]
    operations = [migrations.RunPython(add_rules, take_rules)]
