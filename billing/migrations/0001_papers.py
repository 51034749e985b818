from decimal import Decimal

from django.core.validators import RegexValidator
from django.db import migrations, models

import billing.models

PREFIX = RegexValidator(r"^[A-Za-z0-9/._-]*\Z", "Use letters of the Latin alphabet, digits and / . _ - only.")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("ispanel", "0007_say_who_issues_invoices"),
        ("resellers", "0010_branding_and_domains"),
        ("subscribers", "0008_remember_what_throttles"),
        ("wallet", "0008_charge_for_changes_and_refund_in_parts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "prefix",
                    models.CharField(
                        blank=True,
                        max_length=12,
                        validators=[PREFIX],
                    ),
                ),
                ("number", billing.models.AssignedNumber()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("paid", "Paid"),
                            ("cancelled", "Cancelled"),
                            ("refunded", "Refunded"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=4, max_digits=20)),
                ("credited", models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=20)),
                ("issued_at", models.DateTimeField()),
                ("time_zone", models.CharField(max_length=60)),
                ("issuer_name", models.CharField(max_length=150)),
                ("issuer_address", models.TextField(blank=True, max_length=500)),
                ("issuer_tax_line", models.CharField(blank=True, max_length=150)),
                ("seller_name", models.CharField(max_length=150)),
                ("subscriber_username", models.CharField(max_length=150)),
                ("subscriber_name", models.CharField(blank=True, max_length=150)),
                ("subscriber_address", models.TextField(blank=True, max_length=500)),
                ("description", models.CharField(max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("paid_at", models.DateTimeField(null=True)),
                ("paid_by", models.CharField(blank=True, max_length=254)),
                ("payment_note", models.CharField(blank=True, max_length=200)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_by", models.CharField(blank=True, max_length=254)),
                ("cancellation_reason", models.CharField(blank=True, max_length=200)),
                (
                    "issuer",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="issued_invoices",
                        to="resellers.reseller",
                    ),
                ),
                (
                    "issuer_logo",
                    models.ForeignKey(null=True, on_delete=models.PROTECT, related_name="+", to="ispanel.picture"),
                ),
                (
                    "renewal",
                    models.OneToOneField(on_delete=models.PROTECT, related_name="invoice", to="subscribers.renewal"),
                ),
                (
                    "reseller",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="invoices", to="resellers.reseller"),
                ),
                (
                    "subscriber",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="invoices",
                        to="subscribers.subscriber",
                    ),
                ),
            ],
            options={
                "db_table": "invoices",
            },
        ),
        migrations.CreateModel(
            name="CreditNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "prefix",
                    models.CharField(
                        blank=True,
                        max_length=12,
                        validators=[PREFIX],
                    ),
                ),
                ("number", billing.models.AssignedNumber()),
                ("amount", models.DecimalField(decimal_places=4, max_digits=20)),
                ("reason", models.CharField(max_length=200)),
                ("issued_at", models.DateTimeField()),
                (
                    "issuer",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="issued_credit_notes",
                        to="resellers.reseller",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="credit_notes",
                        to="wallet.transfer",
                    ),
                ),
                (
                    "renewal",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="credit_notes",
                        to="subscribers.renewal",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="credit_notes", to="billing.invoice"),
                ),
            ],
            options={
                "db_table": "credit_notes",
            },
        ),
        migrations.CreateModel(
            name="InvoiceLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_digest", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(blank=True, max_length=254)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                (
                    "invoice",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="links", to="billing.invoice"),
                ),
            ],
            options={
                "db_table": "invoice_links",
            },
        ),
        migrations.CreateModel(
            name="PaperSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("invoice", "Invoice"), ("credit_note", "Credit note")], max_length=11),
                ),
                ("last_number", models.PositiveIntegerField()),
                (
                    "issuer",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="paper_series",
                        to="resellers.reseller",
                    ),
                ),
            ],
            options={
                "db_table": "paper_series",
            },
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["reseller", "issued_at"], name="invoices_by_reseller"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["issued_at", "id"], name="invoices_by_moment"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["subscriber_username", "id"], name="invoices_by_username"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["amount", "id"], name="invoices_by_amount"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["subscriber", "issued_at"], name="invoices_by_subscriber"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                fields=("issuer", "number"), name="one_invoice_per_number", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "paid", "cancelled", "refunded"])),
                name="invoice_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="invoice_is_for_an_amount"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("credited__gte", 0), ("credited__lte", models.F("amount"))),
                name="credited_within_the_invoice",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "paid"), _negated=True), ("paid_at__isnull", False), _connector="OR"
                ),
                name="paid_invoice_says_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "pending"), _negated=True), ("paid_at__isnull", True), _connector="OR"
                ),
                name="pending_invoice_is_unpaid",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cancelled_at__isnull", False), ("credited", 0), ("status", "cancelled")),
                    models.Q(models.Q(("status", "cancelled"), _negated=True), ("cancelled_at__isnull", True)),
                    _connector="OR",
                ),
                name="cancelled_invoice_says_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gt", 0), ("credited", models.F("amount")), ("status", "refunded")),
                    models.Q(
                        models.Q(("status", "refunded"), _negated=True),
                        models.Q(("amount", 0), ("credited__lt", models.F("amount")), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="refunded_invoice_is_credited_in_full",
            ),
        ),
        migrations.AddIndex(
            model_name="creditnote",
            index=models.Index(fields=["issued_at"], name="credit_notes_by_moment"),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.UniqueConstraint(
                fields=("issuer", "number"), name="one_credit_note_per_number", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="credit_note_is_for_an_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="paperseries",
            constraint=models.UniqueConstraint(
                fields=("issuer", "kind"), name="one_series_per_issuer", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="paperseries",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["invoice", "credit_note"])), name="paper_kind_is_known"
            ),
        ),
    ]
