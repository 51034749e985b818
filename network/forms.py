"""Parsing what is typed about access servers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from ispanel.lists import ListForm
from network.models import COA_PORT, Nas, NasKind, NasQuerySet

VIEWS = (("", _("All")), ("reachable", _("Reachable")), ("unreachable", _("Not reachable")))
KINDS = (
    (NasKind.MIKROTIK.value, _("MikroTik|RouterOS. Speeds go as Mikrotik-Rate-Limit.")),
    (NasKind.WISPR.value, _("WISPr|Others that take WISPr-Bandwidth-Max-Up and -Down.")),
)
HIGHEST_PORT = 65535
SHORTEST_SECRET = 8


class NasListForm(ListForm):
    """The list of NAS devices: which view of it, and the search."""

    sorts = {"name": "name", "address": "address", "lines": "line_count", "probed": "probed_at"}
    default_sort = "name"

    view = forms.ChoiceField(choices=VIEWS, required=False)

    def apply(self, rows: NasQuerySet) -> QuerySet[Nas]:
        """Return the rows that the address asks for, in its order."""
        match self.value("view"):
            case "reachable":
                rows = rows.reachable()
            case "unreachable":
                rows = rows.unreachable()
        return self.ordered(rows)

    def searched(self, rows: NasQuerySet) -> NasQuerySet:
        """Return the rows of all views that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows


class NasForm(forms.Form):
    """A NAS device. Its secret is typed, and never shown again."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What people pick for a subscriber’s line."))
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, initial=NasKind.MIKROTIK.value, widget=forms.RadioSelect)
    note = forms.CharField(label=_("Note"), max_length=200, required=False)
    address = forms.GenericIPAddressField(
        label=_("Address"),
        unpack_ipv4=True,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
        help_text=_("IPv4 or IPv6, at which the panel reaches the device."),
    )
    coa_port = forms.IntegerField(
        label=_("CoA port"),
        initial=COA_PORT,
        help_text=_("UDP; where the device takes CoA and Disconnect requests."),
        min_value=1,
        max_value=HIGHEST_PORT,
    )
    secret = forms.CharField(
        label=_("RADIUS secret"),
        min_length=SHORTEST_SECRET,
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "dir": "ltr", "data-password": "generate"}, render_value=True
        ),
        validators=[RegexValidator(r"\A[!-~]*\Z", _("Use letters, digits and signs of ASCII, without spaces."))],
        help_text=_("The same as on the device; 16 characters or more are best. It is kept encrypted."),
    )
    probe_port = forms.IntegerField(
        label=_("Probe port"),
        initial=443,
        help_text=_("TCP; the WAN check tries it. A refused connection tells of a device that is there, too."),
        min_value=1,
        max_value=HIGHEST_PORT,
    )

    def __init__(self, *args: Any, has_secret: bool = False, **kwargs: Any) -> None:
        """Make the form.

        :param has_secret: the device has one already, which an empty field keeps.
        """
        super().__init__(*args, **kwargs)
        if has_secret:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = _("Empty keeps the present one, which is never shown.")
