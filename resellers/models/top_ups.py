"""Requests for money."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.money import HIGHEST_AMOUNT, MONEY
from resellers.models.tree import Reseller
from wallet.models import Transfer


class TopUpStatus(models.TextChoices):
    """What became of a request: its reseller cancels it, who funds the reseller approves or refuses it."""

    OPEN = "open", _("Waiting")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")
    CANCELLED = "cancelled", _("Cancelled")


#: Nobody has answered the request yet.
WAITING = Q(status=TopUpStatus.OPEN)
#: A sub-reseller asks its parent; all others ask the admins, who may answer for a parent too.
ASKS_PARENT = Q(reseller__parent__isnull=False)


class TopUpRequestQuerySet(models.QuerySet["TopUpRequest"]):
    def visible_to(self, seat: Seat) -> TopUpRequestQuerySet:
        """Return those of the resellers whose money the seat reads; those of deleted ones are the admins'."""
        if seat.is_admin:
            return self
        if seat.sees_all("transactions"):
            return self.filter(reseller__deleted_at__isnull=True)
        return self.filter(reseller__in=Reseller.objects.in_tree_of(seat))

    def actable_by(self, seat: Seat) -> TopUpRequestQuerySet:
        """Return those that the seat answers: of the resellers that it funds. A view_all does not count here."""
        return self.filter(reseller__in=Reseller.objects.actable_by(seat))

    def waiting_for(self, seat: Seat) -> TopUpRequestQuerySet:
        """Return those that wait for this seat's answer: an admin was not asked where a parent was."""
        return self.open().exclude(ASKS_PARENT) if seat.is_admin else self.actable_by(seat).open()

    def own_of(self, seat: Seat) -> TopUpRequestQuerySet:
        """Return those that the seat's own reseller made."""
        return self.filter(reseller=seat.reseller) if seat.reseller else self.none()

    def asked_like(self, text: str) -> TopUpRequestQuerySet:
        return self.filter(
            Q(note__icontains=text)
            | Q(reseller__company_name__icontains=text)
            | Q(reseller__display_name__icontains=text)
            | Q(reseller__user__username__icontains=text)
        )

    def for_list(self) -> TopUpRequestQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("reseller__parent", "transfer").prefetch_related("transfer__undoing")

    def open(self) -> TopUpRequestQuerySet:
        return self.filter(WAITING)


class TopUpRequest(models.Model):
    """A reseller asks who funds it for money: the admin, or a sub-reseller its parent."""

    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="top_up_requests")
    amount = models.DecimalField(**MONEY)
    #: How it was paid, for whoever checks that before approving.
    note = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=TopUpStatus.choices, default=TopUpStatus.OPEN)
    created_at = models.DateTimeField()
    #: The username, as a plain value, and whose seat it was where that was a borrowed one.
    asked_by = models.CharField(max_length=254)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=254, blank=True)
    #: Why it was refused, or cancelled by somebody else.
    reason = models.CharField(max_length=200, blank=True)
    transfer = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="top_up_request")

    objects = TopUpRequestQuerySet.as_manager()

    class Meta:
        db_table = "top_up_requests"
        verbose_name, verbose_name_plural = _("top-up request"), _("top-up requests")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=TopUpStatus.values), name="top_up_status_is_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=HIGHEST_AMOUNT), name="top_up_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(status=TopUpStatus.OPEN, decided_at__isnull=True)
                | (~Q(status=TopUpStatus.OPEN) & Q(decided_at__isnull=False)),
                name="top_up_is_decided_once_it_is_closed",
            ),
            models.CheckConstraint(
                condition=Q(status=TopUpStatus.APPROVED, transfer__isnull=False)
                | (~Q(status=TopUpStatus.APPROVED) & Q(transfer__isnull=True)),
                name="approved_top_up_has_its_transfer",
            ),
            models.UniqueConstraint(
                fields=["reseller"], condition=Q(status=TopUpStatus.OPEN), name="one_open_top_up_request"
            ),
        ]
        indexes = [models.Index(fields=["reseller", "-id"], name="top_up_requests_by_reseller")]

    def __str__(self) -> str:
        return f"{self.reseller} {self.amount}"

    @property
    def is_open(self) -> bool:
        return self.status == TopUpStatus.OPEN

    def is_actable_by(self, seat: Seat) -> bool:
        """Say of one row what `TopUpRequestQuerySet.actable_by` says of all."""
        return self.reseller.is_actable_by(seat)

    def is_own_of(self, seat: Seat) -> bool:
        """Say of one row what `TopUpRequestQuerySet.own_of` says of all."""
        return seat.reseller is not None and seat.reseller.pk == self.reseller_id
