import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

PREFIX = django.core.validators.RegexValidator(
    r"^[A-Za-z0-9/._-]*\Z", "Use letters of the Latin alphabet, digits and / . _ - only."
)
KEEP_LOGO = """
    INSERT INTO pictures (digest, png) SELECT encode(sha256(png), 'hex'), png FROM panel_logo;
    UPDATE panel_settings SET logo_id = (SELECT encode(sha256(png), 'hex') FROM panel_logo);
"""
GIVE_BACK = """
    INSERT INTO panel_logo (id, png)
    SELECT 1, png FROM pictures JOIN panel_settings ON panel_settings.logo_id = pictures.digest;
"""


class Migration(migrations.Migration):
    dependencies = [("ispanel", "0006_find_jobs_by_lane")]

    operations = [
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("png", models.BinaryField()),
                ("unused_since", models.DateTimeField(null=True)),
            ],
            options={"db_table": "pictures"},
        ),
        migrations.AddField(
            model_name="panelsettings",
            name="logo",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ispanel.picture",
            ),
        ),
        migrations.AddField(
            model_name="panelsettings",
            name="tax_line",
            field=models.CharField(blank=True, max_length=150, verbose_name="Tax line"),
        ),
        migrations.AddField(
            model_name="panelsettings",
            name="reseller_is_issuer",
            field=models.BooleanField(default=False, verbose_name="Reseller is invoice issuer"),
        ),
        migrations.AddField(
            model_name="panelsettings",
            name="invoice_prefix",
            field=models.CharField(
                blank=True, default="INV-", max_length=12, validators=[PREFIX], verbose_name="Invoice prefix"
            ),
        ),
        migrations.AddField(
            model_name="panelsettings",
            name="credit_note_prefix",
            field=models.CharField(
                blank=True, default="CN-", max_length=12, validators=[PREFIX], verbose_name="Credit note prefix"
            ),
        ),
        migrations.RunSQL(KEEP_LOGO, GIVE_BACK),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.DeleteModel(name="PanelLogo"),
    ]
