"""Access servers, and what they are told about the lines that they carry."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.crypto import Purposes

#: RFC 5176, section 2.1: where an access server listens for CoA and Disconnect.
COA_PORT = 3799
PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class NasKind(models.TextChoices):
    """Which attributes tell the access server a line's speed."""

    MIKROTIK = "mikrotik", _("MikroTik")
    WISPR = "wispr", _("WISPr (others)")


class NasQuerySet(models.QuerySet["Nas"]):
    def visible_to(self, seat: Seat) -> NasQuerySet:
        """Return what the seat reads: all for those who see them all, else those of its reseller's scope."""
        if seat.sees_all("nas"):
            return self
        return self.filter(pk__in=seat.reseller.nas_in_scope().values("pk")) if seat.reseller else self.none()

    def named_like(self, text: str) -> NasQuerySet:
        return self.filter(Q(name__icontains=text) | Q(note__icontains=text))


class Nas(models.Model):
    """An access server: it carries lines, and takes CoA and Disconnect requests (RFC 5176)."""

    ENCRYPTED: ClassVar[Purposes] = {"secret_ciphertext": lambda row: purpose_of_nas_secret(row.address)}

    name = models.CharField(_("Name"), max_length=100, unique=True)
    address = models.GenericIPAddressField(_("Address"), unique=True)
    kind = models.CharField(_("Kind"), max_length=10, choices=NasKind.choices, default=NasKind.MIKROTIK)
    #: The RADIUS secret, encrypted; see `purpose_of_nas_secret`.
    secret_ciphertext = models.BinaryField()
    coa_port = models.PositiveIntegerField(_("CoA port"), default=COA_PORT, validators=PORT)
    #: A TCP port at which the address answers or refuses, if it is reachable at all.
    probe_port = models.PositiveIntegerField(_("Probe port"), default=443, validators=PORT)
    note = models.CharField(_("Note"), max_length=200, blank=True)
    #: What the last probe found; null where none was made.
    is_reachable = models.BooleanField(null=True)
    probed_at = models.DateTimeField(null=True)
    #: What the probe met, in words.
    probe_answer = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = NasQuerySet.as_manager()

    class Meta:
        db_table = "nas"
        verbose_name, verbose_name_plural = _("NAS device"), _("NAS devices")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=NasKind.values), name="nas_kind_is_known"),
            models.CheckConstraint(
                condition=Q(coa_port__range=(1, 65535), probe_port__range=(1, 65535)), name="nas_ports_fit"
            ),
            models.CheckConstraint(
                condition=Q(is_reachable__isnull=True, probed_at__isnull=True)
                | Q(is_reachable__isnull=False, probed_at__isnull=False),
                name="probe_has_its_moment",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CoaKind(models.TextChoices):
    DISCONNECT = "disconnect", _("Disconnect")
    SPEED = "speed", _("Change of speed")


class CoaStatus(models.TextChoices):
    """What became of a request. Waiting until the worker has an answer, or gives up."""

    WAITING = "waiting", _("Waiting")
    ACK = "ack", _("Ack")
    NAK = "nak", _("Nak")
    TIMEOUT = "timeout", _("No answer")
    NO_NAS = "no_nas", _("No NAS")


class CoaRequest(models.Model):
    """What an access server was told about a line, and what it answered."""

    kind = models.CharField(max_length=10, choices=CoaKind.choices)
    #: Null where the line has none.
    nas = models.ForeignKey(Nas, null=True, on_delete=models.PROTECT, related_name="coa_requests")
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.PROTECT, related_name="coa_requests")
    #: The line's username at the time: what the server knows it by.
    username = models.CharField(max_length=150)
    #: Why, in words: "Suspended", "Plan changed".
    reason = models.CharField(max_length=100)
    #: The speed to set, in kbit/s; of a change of speed alone.
    download_kbps = models.PositiveIntegerField(null=True)
    upload_kbps = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=10, choices=CoaStatus.choices, default=CoaStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: What the server said, or what was met on the way to it, in words.
    answer = models.CharField(max_length=200, blank=True)
    #: Who asked, as a plain value.
    asked_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "coa_requests"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=CoaKind.values), name="coa_kind_is_known"),
            models.CheckConstraint(condition=Q(status__in=CoaStatus.values), name="coa_status_is_known"),
            models.CheckConstraint(
                condition=Q(kind=CoaKind.SPEED, download_kbps__gt=0, upload_kbps__gt=0)
                | Q(kind=CoaKind.DISCONNECT, download_kbps__isnull=True, upload_kbps__isnull=True),
                name="only_a_change_of_speed_has_speeds",
            ),
            models.CheckConstraint(
                condition=Q(status=CoaStatus.NO_NAS, nas__isnull=True)
                | (~Q(status=CoaStatus.NO_NAS) & Q(nas__isnull=False)),
                name="no_nas_means_no_nas",
            ),
            models.CheckConstraint(
                condition=Q(status=CoaStatus.WAITING, answered_at__isnull=True)
                | (~Q(status=CoaStatus.WAITING) & Q(answered_at__isnull=False)),
                name="coa_is_answered_once_it_is_closed",
            ),
        ]
        indexes = [models.Index(fields=["subscriber", "-id"], name="coa_requests_by_subscriber")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.username}"


def purpose_of_nas_secret(address: str) -> str:
    """Return the associated data that ties a RADIUS secret to the access server's address."""
    return f"nas-secret:{address}"
