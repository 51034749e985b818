from django.db import migrations


def insert_settings(apps, schema_editor):
    apps.get_model("ispanel", "PanelSettings").objects.create(id=1)


class Migration(migrations.Migration):
    dependencies = [("ispanel", "0001_panel_settings")]

    operations = [migrations.RunPython(insert_settings, migrations.RunPython.noop)]
