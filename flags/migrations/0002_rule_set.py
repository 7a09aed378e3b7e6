from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_tables")]
    operations = [
        migrations.RunSQL(
            "INSERT INTO feature_flag_rule_sets (id, version) VALUES (1, 1)",
            "DELETE FROM feature_flag_rule_sets",
        ),
        migrations.RunSQL(
            "ALTER TABLE feature_flag_rule_sets ADD CONSTRAINT feature_flag_rule_sets_one_row"
            " CHECK (id = 1)",
            "ALTER TABLE feature_flag_rule_sets DROP CONSTRAINT feature_flag_rule_sets_one_row",
        ),
        # Its user_id is a person's, where it is one: erasing them takes these rows, too.
        SqlObject("policies", "feature_flag_evaluations__erasure"),
        SqlObject("functions", "raise_rule_set_version"),
        SqlObject("triggers", "feature_flags__new_version"),
        SqlObject("functions", "keep_flag_versions"),
        SqlObject("triggers", "feature_flag_versions__append_only"),
    ]
