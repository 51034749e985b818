"""A reseller's own name on the door: how its sign-in page looks, and the domain at which it stands."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ispanel.models import Picture
from resellers.domains import in_own_letters
from resellers.models.tree import Reseller

COLOUR = r"^#[0-9a-f]{6}$"
colour_in_hex = RegexValidator(r"^#[0-9a-f]{6}\Z", _("Enter a colour as # and six hexadecimal digits, as in #0f766e."))


class BrandingQuerySet(models.QuerySet["Branding"]):
    def shown(self) -> BrandingQuerySet:
        """Return those that an admin allows."""
        return self.filter(reseller__has_branding=True, reseller__deleted_at__isnull=True)


class Branding(models.Model):
    """How a reseller looks; shown only while `Reseller.has_branding` says so."""

    reseller = models.OneToOneField(Reseller, on_delete=models.PROTECT, related_name="branding")
    #: On light ground, and on papers.
    logo = models.ForeignKey(Picture, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    #: On dark ground; none is the other one.
    dark_logo = models.ForeignKey(Picture, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    #: As it was chosen; blank is the panel's. What is shown are its shades: see `ispanel.colours`.
    colour = models.CharField(_("Colour"), max_length=7, blank=True, validators=[colour_in_hex])
    #: The digest of the stylesheet that was made of the colour, by which it is served; blank without a colour.
    theme = models.CharField(max_length=32, blank=True, db_index=True)
    tagline = models.CharField(_("Tagline"), max_length=120, blank=True)
    footer = models.CharField(_("Footer"), max_length=300, blank=True)
    updated_at = models.DateTimeField()

    objects = BrandingQuerySet.as_manager()

    class Meta:
        db_table = "brandings"
        constraints = [
            models.CheckConstraint(condition=Q(colour="") | Q(colour__regex=COLOUR), name="brand_colour_is_hex"),
            models.CheckConstraint(
                condition=Q(colour="", theme="") | (~Q(colour="") & ~Q(theme="")), name="brand_colour_has_its_theme"
            ),
        ]

    def __str__(self) -> str:
        return str(self.reseller)


class CustomDomainQuerySet(models.QuerySet["CustomDomain"]):
    def live(self) -> CustomDomainQuerySet:
        """Return those at which a panel stands: verified, and allowed to their reseller."""
        return self.allowed().filter(verified_at__isnull=False)

    def allowed(self) -> CustomDomainQuerySet:
        """Return those of resellers to whom an admin allows one."""
        return self.filter(reseller__has_branding=True, reseller__deleted_at__isnull=True)


class CustomDomain(models.Model):
    """The host name at which a reseller's panel stands, once it has proved by DNS that the domain is its own."""

    reseller = models.OneToOneField(Reseller, on_delete=models.PROTECT, related_name="custom_domain")
    #: Lower case, in ASCII, without a dot at its end.
    name = models.CharField(_("Custom domain"), max_length=253)
    #: What the TXT record has to say; see `resellers.domains`.
    challenge = models.CharField(max_length=64)
    #: Null until the record was seen. Many may claim a domain; one of them proves it.
    verified_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    #: What the last look for the record found instead, in words.
    failure = models.CharField(max_length=300, blank=True)
    #: Whether the last look found that the name leads to the panel's host; null where that cannot be known.
    leads_here = models.BooleanField(null=True)
    #: Since when the record of a verified one is gone; see `resellers.operations.domains`.
    missing_since = models.DateTimeField(null=True)
    #: Since when no name server answers for a verified one.
    silent_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = CustomDomainQuerySet.as_manager()

    class Meta:
        db_table = "custom_domains"
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(verified_at__isnull=False), name="one_owner_per_domain"
            ),
            models.CheckConstraint(condition=Q(name__regex=r"^[a-z0-9.-]+$"), name="domain_is_a_host_name"),
            models.CheckConstraint(
                condition=Q(missing_since__isnull=True, silent_since__isnull=True) | Q(verified_at__isnull=False),
                name="only_a_proof_goes_missing",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def in_own_letters(self) -> str:
        """The name as people write it: in ASCII too, unless it is of another alphabet."""
        return in_own_letters(self.name)

    @property
    def record_name(self) -> str:
        """Where the TXT record stands that proves it."""
        return f"_ispanel.{self.name}"

    @property
    def record_text(self) -> str:
        """What the TXT record says."""
        return f"ispanel-verify={self.challenge}"

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None
