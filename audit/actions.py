"""Every action that the audit trail knows, as code and sentence."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Action(TextChoices):
    """What was done; the value is stored, the label is what people read."""

    SIGNED_IN = "sign_in.succeeded", _("Signed in")
    SIGNED_OUT = "sign_out", _("Signed out")
    ADMIN_CREATED = "admin.created", _("Created admin")
    PASSWORD_CHANGED = "password.changed", _("Changed password")
    PASSWORD_SET = "password.set", _("Set a new password")
    INITIAL_PASSWORD_REVEALED = "initial_password.revealed", _("Revealed initial password")
    SEAT_ENTERED = "seat.entered", _("Logged in as reseller")
    SEAT_LEFT = "seat.left", _("Went back to own panel")
    REFUSED = "refused", _("Was refused")
    PANEL_SETTINGS_CHANGED = "panel_settings.changed", _("Changed general settings")
    RESELLER_CREATED = "reseller.created", _("Created new reseller")
    RESELLER_EDITED = "reseller.edited", _("Edited reseller")
    FUNDS_TRANSFERRED = "funds.transferred", _("Transferred funds")
    FUNDS_WITHDRAWN = "funds.withdrawn", _("Withdrew funds")
    PLAN_CREATED = "plan.created", _("Created plan")
    PLAN_EDITED = "plan.edited", _("Edited plan")
    SUBSCRIBER_CREATED = "subscriber.created", _("Added subscriber")
    SUBSCRIBER_EDITED = "subscriber.edited", _("Edited subscriber")
    SUBSCRIBER_ACTIVATED = "subscriber.activated", _("Activated subscriber")
    SUBSCRIBER_RENEWED = "subscriber.renewed", _("Renewed subscriber")
