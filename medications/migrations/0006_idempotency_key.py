from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("medications", "0005_truncation")]
    operations = [
        migrations.AddField(
            "usermedication",
            "idempotency_key",
            models.TextField(null=True, help_text="Of the call that added it."),
        ),
        migrations.AddField(
            "usermedication",
            "request_digest",
            models.BinaryField(null=True, help_text="SHA-256 of what that call said."),
        ),
        migrations.AddConstraint(
            "usermedication",
            models.UniqueConstraint(
                fields=("user", "idempotency_key", "tenant"),
                name="user_medications_idempotency_key_unique",
                condition=models.Q(idempotency_key__isnull=False),
            ),
        ),
    ]
