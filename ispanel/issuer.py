"""Who issues papers: the company whose installation this is."""

from __future__ import annotations

from dataclasses import dataclass

from ispanel.installation import panel_settings
from ispanel.models import PanelLogo


@dataclass(frozen=True)
class Issuer:
    """What stands at the head of a paper; ``logo`` is a PNG, or None."""

    name: str
    address: str = ""
    logo: bytes | None = None


def panel_issuer() -> Issuer:
    """Return the company of the general settings; the panel's name where none is given."""
    settings = panel_settings()
    logo = PanelLogo.objects.first()
    return Issuer(settings.company_name or settings.name, settings.company_address, bytes(logo.png) if logo else None)
