import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.sql import SqlObject, tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_erasure_waits_for_figures")]
    operations = [
        migrations.CreateModel(
            name="TimeZoneChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("time_zone", models.TextField()),
                ("until", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.tenant",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "time_zone_changes",
                "indexes": [
                    models.Index(fields=["user", "until"], name="time_zone_changes_in_time")
                ],
            },
        ),
        tenant_key("time_zone_changes"),
        tenant_reference("time_zone_changes", "user_id", "users"),
        SqlObject("policies", "time_zone_changes__person"),
        SqlObject("policies", "time_zone_changes__erasure"),
        SqlObject("policies", "time_zone_changes__staff"),
        SqlObject("functions", "keep_time_zone"),
        SqlObject("triggers", "user_profiles__keep_time_zone"),
    ]
