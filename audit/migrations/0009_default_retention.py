from django.db import migrations

# Six years: 45 CFR 164.316(b)(2)(i).
INSERT = """
    INSERT INTO audit_retention (category, days, updated_at)
    SELECT category, 2191, now()
      FROM unnest('{access,change,security,administration}'::text[]) AS c (category)
        ON CONFLICT (category) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_sealing")]
    operations = [migrations.RunSQL(INSERT, "DELETE FROM audit_retention")]
