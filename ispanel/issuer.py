"""Who issues papers: the company whose installation this is, or the reseller whose subscriber it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ispanel.installation import panel_settings
from ispanel.models import Picture


@dataclass(frozen=True)
class Issuer:
    """What stands at the head of a paper; ``logo_id`` is the digest of a `Picture`, or None."""

    name: str
    address: str = ""
    tax_line: str = ""
    logo_id: str | None = None

    @cached_property
    def logo(self) -> bytes | None:
        """The logo as PNG."""
        return bytes(Picture.objects.get(pk=self.logo_id).png) if self.logo_id else None


def panel_issuer() -> Issuer:
    """Return the company of the billing settings; the panel's name where none is given."""
    settings = panel_settings()
    return Issuer(
        name=settings.company_name or settings.name,
        address=settings.company_address,
        tax_line=settings.tax_line,
        logo_id=settings.logo_id,
    )
