from django.db import migrations

from core.models import uuid7


def add_first_tenant(apps, schema_editor):
    """The tenant of people who sign up on their own."""
    tenants = apps.get_model("accounts", "Tenant").objects.using(schema_editor.connection.alias)
    tenants.create(id=uuid7(), name="Novara", slug="novara")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_gate")]
    operations = [migrations.RunPython(add_first_tenant, migrations.RunPython.noop)]
