from django.db import migrations

WAYS = ("email", "sms")
#: Whom a rule tells once somebody turns it on.
RULES = {
    "low_balance": ["reseller"],
    "transfer_received": ["reseller"],
    "renewal_failed": ["reseller"],
    "expiring_soon": ["subscriber"],
    "expired": ["subscriber"],
    "renewed": ["subscriber"],
    "invoice_issued": ["subscriber"],
    "password_changed": ["login"],
    "login_as_used": ["login"],
}
DAYS = {"expiring_soon": 3}
#: Told to one person whatever the rules say.
WITHOUT_RULE = ("password_reset", "contact_changed")


def ship(apps, schema_editor):
    channels, templates, rules = (apps.get_model("notifications", name) for name in ("Channel", "Template", "Rule"))
    for way in WAYS:
        channels.objects.create(way=way)
        for event in (*RULES, *WITHOUT_RULE):
            templates.objects.create(event=event, way=way)
        for event, recipients in RULES.items():
            rules.objects.create(event=event, way=way, recipients=recipients, days=DAYS.get(event))


def take_back(apps, schema_editor):
    for name in ("Channel", "Template", "Rule"):
        apps.get_model("notifications", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_channels_templates_rules_and_messages")]

    operations = [migrations.RunPython(ship, take_back)]
