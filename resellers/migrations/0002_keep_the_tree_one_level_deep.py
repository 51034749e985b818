from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("resellers", "0001_resellers")]

    operations = [
        install(
            __file__,
            "one_level",
            reverse="""
                ALTER TABLE resellers
                    DROP CONSTRAINT parent_is_top_level,
                    DROP CONSTRAINT resellers_id_depth,
                    DROP COLUMN parent_depth,
                    DROP COLUMN depth;
            """,
        )
    ]
