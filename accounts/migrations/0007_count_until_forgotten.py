from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_let_sales_suspend_delete_and_staff")]

    operations = [migrations.RenameField(model_name="failurecount", old_name="since", new_name="forgotten_at")]
