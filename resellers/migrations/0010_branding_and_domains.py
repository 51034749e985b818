from django.core.validators import RegexValidator
from django.db import migrations, models

PREFIX = RegexValidator(r"^[A-Za-z0-9/._-]*\Z", "Use letters of the Latin alphabet, digits and / . _ - only.")
COLOUR = RegexValidator(r"^#[0-9a-f]{6}\Z", "Enter a colour as # and six hexadecimal digits, as in #0f766e.")


class Migration(migrations.Migration):
    dependencies = [
        ("ispanel", "0007_say_who_issues_invoices"),
        ("resellers", "0009_give_all_plans_to_those_there"),
    ]

    operations = [
        migrations.AddField(
            model_name="reseller",
            name="has_branding",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="reseller",
            name="invoice_prefix",
            field=models.CharField(
                blank=True,
                max_length=12,
                validators=[PREFIX],
            ),
        ),
        migrations.AddField(
            model_name="reseller",
            name="tax_line",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.CreateModel(
            name="Branding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "colour",
                    models.CharField(
                        blank=True,
                        max_length=7,
                        validators=[COLOUR],
                        verbose_name="Colour",
                    ),
                ),
                ("theme", models.CharField(blank=True, db_index=True, max_length=32)),
                ("tagline", models.CharField(blank=True, max_length=120, verbose_name="Tagline")),
                ("footer", models.CharField(blank=True, max_length=300, verbose_name="Footer")),
                ("updated_at", models.DateTimeField()),
                (
                    "dark_logo",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="ispanel.picture",
                    ),
                ),
                (
                    "logo",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to="ispanel.picture",
                    ),
                ),
                (
                    "reseller",
                    models.OneToOneField(on_delete=models.PROTECT, related_name="branding", to="resellers.reseller"),
                ),
            ],
            options={
                "db_table": "brandings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("colour", ""), ("colour__regex", "^#[0-9a-f]{6}$"), _connector="OR"),
                        name="brand_colour_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("colour", ""), ("theme", "")),
                            models.Q(models.Q(("colour", ""), _negated=True), models.Q(("theme", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="brand_colour_has_its_theme",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomDomain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=253, verbose_name="Custom domain")),
                ("challenge", models.CharField(max_length=64)),
                ("verified_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("failure", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "reseller",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        related_name="custom_domain",
                        to="resellers.reseller",
                    ),
                ),
            ],
            options={
                "db_table": "custom_domains",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("verified_at__isnull", False)),
                        fields=("name",),
                        name="one_owner_per_domain",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^[a-z0-9.-]+$")), name="domain_is_a_host_name"
                    ),
                ],
            },
        ),
    ]
