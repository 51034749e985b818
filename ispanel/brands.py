"""What the panel looks like at a door: as itself, or as the reseller whose domain it is."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from ispanel.doors import Door


@dataclass(frozen=True)
class Brand:
    """What every page shows of whose panel it is; logos are digests of pictures, the theme that of a stylesheet."""

    name: str
    logo: str = ""
    #: On dark ground, where that is another one.
    dark_logo: str = ""
    theme: str = ""
    tagline: str = ""
    footer: str = ""


def brand_of(request: HttpRequest) -> Brand:
    """Return what a page shows: at a reseller's domain its company, at the house and in doubt the panel's own."""
    door = getattr(request, "door", None)
    panel = getattr(request, "panel", None)
    if not isinstance(door, Door) or door.reseller is None:
        return Brand(panel.name if panel else "")
    branding = door.branding
    if branding is None:
        return Brand(door.reseller.company_name)
    return Brand(
        name=door.reseller.company_name,
        logo=branding.logo_id or "",
        dark_logo=branding.dark_logo_id or "",
        theme=branding.theme,
        tagline=branding.tagline,
        footer=branding.footer,
    )
