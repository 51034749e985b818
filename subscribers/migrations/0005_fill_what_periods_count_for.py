from django.db import migrations

FILL = """
    UPDATE renewals SET worth = renewals.price, retail_worth = renewals.retail_price, quota_mb = plans.quota_mb
    FROM plans WHERE plans.id = renewals.plan_id;
"""


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0004_sell_changes_and_data")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
