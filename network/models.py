"""Access servers, and what they are told about the lines that they carry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.crypto import Purposes

#: RFC 5176, section 2.1: where an access server listens for CoA and Disconnect.
COA_PORT = 3799
#: How soon after it was asked for a probe is over, if a worker runs.
PROBED_WITHIN = timedelta(seconds=30)
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
        return self.filter(Q(name__icontains=text) | Q(address__icontains=text) | Q(note__icontains=text))

    def reachable(self) -> NasQuerySet:
        return self.filter(is_reachable=True)

    def unreachable(self) -> NasQuerySet:
        return self.filter(is_reachable=False)

    def used_by(self, resellers: models.QuerySet[Any]) -> NasQuerySet:
        """Return those that carry lines of one of the resellers, or are in the scope of one."""
        return self.filter(is_used_by(resellers))

    def watched(self) -> NasQuerySet:
        """Return those that the worker probes each minute: a reseller whose WAN check is on uses them."""
        return self.used_by(every_reseller().objects.with_wan_check())

    def for_list(self, seat: Seat) -> NasQuerySet:
        """Return rows with all that a line of the list shows: the lines are counted within the seat's scope."""
        every_line: Any = Nas._meta.get_field("subscribers").related_model
        lines = every_line.objects.visible_to(seat).kept().filter(nas=OuterRef("pk")).order_by().values("nas")
        return self.annotate(
            line_count=Coalesce(Subquery(lines.annotate(count=Count("pk")).values("count")), 0),
            is_watched=is_used_by(every_reseller().objects.with_wan_check()),
        )


def every_reseller() -> Any:
    """Return the model of the resellers, which are above this app."""
    return Nas._meta.get_field("resellers").related_model


def is_used_by(resellers: models.QuerySet[Any]) -> Exists:
    """Return the condition that a NAS carries lines of one of the resellers, or is in the scope of one.

    The scope is what `Reseller.nas_in_scope` says of one reseller: its list where it has one, within its parent's.
    """
    listed = every_reseller().nas_devices.through.objects.filter(nas=OuterRef(OuterRef("pk")))
    own = Q(nas_is_limited=False) | Exists(listed.filter(reseller=OuterRef("pk")))
    top = Q(parent__isnull=True) | Q(parent__nas_is_limited=False) | Exists(listed.filter(reseller=OuterRef("parent")))
    return Exists(resellers.filter(Q(subscribers__nas=OuterRef("pk")) | (own & top)))


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
    #: When somebody last asked for a probe.
    probe_asked_at = models.DateTimeField(null=True)
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

    def awaits_probe(self, now: datetime) -> bool:
        """Say whether somebody asked for a probe a moment ago, and the worker has not made it yet."""
        asked = self.probe_asked_at
        if asked is None or asked < now - PROBED_WITHIN:
            return False
        return self.probed_at is None or self.probed_at < asked


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
    #: A newer one of its kind was asked for before this one got through.
    OVERTAKEN = "overtaken", _("Overtaken")


class CoaRequestQuerySet(models.QuerySet["CoaRequest"]):
    def visible_to(self, seat: Seat) -> CoaRequestQuerySet:
        """Return those about lines of the seat's resellers at the time: a NAS is shared, its lines are not."""
        if seat.sees_all("subscribers"):
            return self
        if seat.reseller is None:
            return self.none()
        return self.filter(Q(reseller=seat.reseller) | Q(reseller__parent=seat.reseller))

    def waiting(self) -> CoaRequestQuerySet:
        return self.filter(status=CoaStatus.WAITING)

    def due(self, now: datetime) -> CoaRequestQuerySet:
        """Return those that are to be sent now."""
        return self.waiting().filter(due_at__lte=now)

    def overtaken(self) -> CoaRequestQuerySet:
        """Return those that wait although there is a newer one of their kind to the same NAS about the same line.

        A disconnect overtakes a change of speed too: the session that comes after it has a speed of its own.
        """
        newer = CoaRequest.objects.filter(
            Q(kind=OuterRef("kind")) | Q(kind=CoaKind.DISCONNECT),
            pk__gt=OuterRef("pk"),
            nas=OuterRef("nas"),
            subscriber=OuterRef("subscriber"),
        )
        return self.waiting().filter(Exists(newer))

    def for_list(self) -> CoaRequestQuerySet:
        """Return rows with all that a line of a list shows, in one query, the newest first."""
        return self.select_related("nas", "subscriber").order_by("-id")


class CoaRequest(models.Model):
    """What an access server was told about a line, and what it answered."""

    kind = models.CharField(max_length=10, choices=CoaKind.choices)
    #: Null where the line has none.
    nas = models.ForeignKey(Nas, null=True, on_delete=models.PROTECT, related_name="coa_requests")
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.PROTECT, related_name="coa_requests")
    #: Whose line it was then: whoever it is moved to does not read who asked for what before.
    reseller = models.ForeignKey("resellers.Reseller", on_delete=models.PROTECT, related_name="coa_requests")
    #: The line's username at the time: what the server knows it by.
    username = models.CharField(max_length=150)
    #: Why, in words: "Suspended", "Plan changed".
    reason = models.CharField(max_length=100)
    #: The speed to set, in kbit/s; of a change of speed alone.
    download_kbps = models.PositiveIntegerField(null=True)
    upload_kbps = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=10, choices=CoaStatus.choices, default=CoaStatus.WAITING)
    #: In how many rounds it was sent, each of which sends it again after a pause; and how often in all of them.
    rounds = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: What the server said, or what was met on the way to it, in words.
    answer = models.CharField(max_length=200, blank=True)
    #: Who asked, as a plain value.
    asked_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    #: Not sent before this moment: later than it was asked for once a round brought no answer.
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    objects = CoaRequestQuerySet.as_manager()

    class Meta:
        db_table = "coa_requests"
        verbose_name, verbose_name_plural = _("request to a NAS"), _("requests to NAS devices")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=CoaKind.values), name="coa_kind_is_known"),
            models.CheckConstraint(condition=Q(status__in=CoaStatus.values), name="coa_status_is_known"),
            models.CheckConstraint(
                condition=Q(
                    kind=CoaKind.SPEED,
                    download_kbps__isnull=False,
                    upload_kbps__isnull=False,
                    download_kbps__gt=0,
                    upload_kbps__gt=0,
                )
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
        indexes = [
            models.Index(fields=["subscriber", "-id"], name="coa_requests_by_subscriber"),
            models.Index(fields=["nas", "-id"], name="coa_requests_by_nas"),
            models.Index(fields=["nas", "due_at"], condition=Q(status=CoaStatus.WAITING), name="coa_requests_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.username}"

    @property
    def is_waiting(self) -> bool:
        return self.status == CoaStatus.WAITING

    @property
    def speed_words(self) -> str:
        """Download and upload as people say them, in Mbit/s: "50 / 10"; an empty text where no speed was asked for."""
        if self.kind != CoaKind.SPEED:
            return ""
        return " / ".join(f"{(kbps or 0) / 1000:g}" for kbps in (self.download_kbps, self.upload_kbps))


def purpose_of_nas_secret(address: str) -> str:
    """Return the associated data that ties a RADIUS secret to the access server's address."""
    return f"nas-secret:{address}"
