from django.db import migrations, models

from core.sql import SqlObject


class Migration(migrations.Migration):
    # The tables of the limits and the functions of the log; an order in the database, not an import.
    dependencies = [
        ("accounts", "0010_audited"),
        ("audit", "0005_reading"),
        ("ratelimits", "0004_tallies"),
    ]
    operations = [
        migrations.AddField(
            model_name="user",
            name="is_support",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Staff who see no health data: documents' queue, limits and accounts.",
                verbose_name="support",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_support", False))
                | models.Q(("is_staff", True), ("is_superuser", False)),
                name="users_support_is_staff",
            ),
        ),
        SqlObject("roles", "novara_support"),
        SqlObject("policies", "tenants__support"),
        SqlObject("policies", "users__support"),
        SqlObject("policies", "users__support_changes"),
        SqlObject("policies", "user_profiles__support"),
        SqlObject("policies", "refresh_families__support"),
        SqlObject("policies", "rate_limit_buckets__support"),
        SqlObject("policies", "rate_limit_violations__support"),
    ]
