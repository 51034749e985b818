"""The tenant tree, one level deep."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth.models import BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.models import PermissionGroup, User, UserType
from accounts.seats import Seat
from ispanel.money import HIGHEST_AMOUNT, MONEY
from wallet.models import Entry, LedgerAccount, Transfer


class WanCheck(models.TextChoices):
    INHERIT = "inherit", _("Inherit")
    ON = "on", _("On")
    OFF = "off", _("Off")


#: The wallet holds no more than the reseller's threshold.
LOW_ON_BALANCE = Q(wallet__balance__lte=F("low_balance_threshold"))
#: The wallet owes more than its credit limit, which was lowered below the debt: charges are refused.
OVER_LIMIT = Q(wallet__balance__lt=-F("wallet__credit_limit"))
#: The wallet is below zero.
OWING = Q(wallet__balance__lt=0)
#: Charges may take the wallet below zero.
WITH_LIMIT = Q(wallet__credit_limit__gt=0)
#: Nobody of it signs in: it is suspended itself, or its parent is.
SUSPENDED = Q(suspended_at__isnull=False) | Q(parent__suspended_at__isnull=False)


class ResellerQuerySet(models.QuerySet["Reseller"]):
    def visible_to(self, seat: Seat) -> ResellerQuerySet:
        """Return what the seat reads: all for those who see all resellers, else its own reseller and its subs.

        Deleted ones are there for admins alone, whose lists leave them out by `kept`.
        """
        if seat.is_admin:
            return self
        return self.kept() if seat.sees_all("resellers") else self.in_tree_of(seat)

    def actable_by(self, seat: Seat) -> ResellerQuerySet:
        """Return what the seat may act on: all for admins, else its subs. A view_all does not count here."""
        if seat.is_admin:
            return self
        return self.kept().filter(parent=seat.reseller) if seat.reseller else self.none()

    def editable_by(self, seat: Seat) -> ResellerQuerySet:
        """Return those of whom the seat may change something: at the desk of all, else what it may act on."""
        if seat.is_at_desk:
            return self.kept() if seat.has("resellers.edit") else self.none()
        return self.actable_by(seat)

    def in_tree_of(self, seat: Seat) -> ResellerQuerySet:
        """Return the seat's reseller and its subs, without deleted ones; for an admin all."""
        if seat.reseller is None:
            return self.all() if seat.is_admin else self.none()
        return self.kept().filter(Q(pk=seat.reseller.pk) | Q(parent=seat.reseller))

    def kept(self) -> ResellerQuerySet:
        """Leave out the deleted ones."""
        return self.filter(deleted_at__isnull=True)

    def restorable(self) -> ResellerQuerySet:
        """Return the deleted ones, without those that are deleted for good."""
        return self.filter(deleted_at__isnull=False, purged_at__isnull=True)

    def suspended(self) -> ResellerQuerySet:
        """Return those that are suspended, by themselves or through their parent."""
        return self.filter(SUSPENDED)

    def top_level(self) -> ResellerQuerySet:
        return self.filter(parent__isnull=True)

    def sub_resellers(self) -> ResellerQuerySet:
        return self.filter(parent__isnull=False)

    def low_on_balance(self) -> ResellerQuerySet:
        """Return those whose wallet holds no more than their threshold."""
        return self.filter(LOW_ON_BALANCE)

    def over_limit(self) -> ResellerQuerySet:
        """Return those who owe more than their credit limit."""
        return self.filter(OVER_LIMIT)

    def named_like(self, text: str) -> ResellerQuerySet:
        return self.filter(
            Q(company_name__icontains=text)
            | Q(display_name__icontains=text)
            | Q(user__username__icontains=text)
            | Q(user__email__icontains=text)
            | Q(user__phone__icontains=text)
        )

    def for_list(self) -> ResellerQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("user", "wallet", "parent", "permission_group").annotate(
            subscriber_count=models.Count("subscribers", filter=Q(subscribers__terminated_at__isnull=True))
        )

    def with_exposure(self) -> ResellerQuerySet:
        """Return rows with what each owes, how much of its credit limit that is, and when money last came in."""
        owes = Greatest(-F("wallet__balance"), Decimal(0))
        deposits = Entry.objects.deposits().kept().filter(account=models.OuterRef("wallet")).order_by("-id")
        return self.select_related("user", "wallet", "parent").annotate(
            owes=owes,
            available=F("wallet__balance") + F("wallet__credit_limit"),
            used=models.Case(
                models.When(wallet__credit_limit__gt=0, then=owes * 100 / F("wallet__credit_limit")),
                default=None,
                output_field=models.DecimalField(max_digits=24, decimal_places=4),
            ),
            last_money_in=models.Subquery(deposits.values("transfer__created_at")[:1]),
        )

    def exposure(self) -> dict[str, Any]:
        """Return in one query what all of them owe, may owe and hold together, and how many are on each tab."""
        zero = Decimal(0)
        return self.aggregate(
            owed=models.Sum(-F("wallet__balance"), filter=OWING, default=zero),
            limits=models.Sum("wallet__credit_limit", default=zero),
            held=models.Sum("wallet__balance", filter=Q(wallet__balance__gt=0), default=zero),
            owing=models.Count("pk", filter=OWING),
            over=models.Count("pk", filter=OVER_LIMIT),
            with_limit=models.Count("pk", filter=WITH_LIMIT),
        )

    def owing(self) -> ResellerQuerySet:
        """Return those whose wallet is below zero."""
        return self.filter(OWING)

    def with_limit(self) -> ResellerQuerySet:
        """Return those who may owe something."""
        return self.filter(WITH_LIMIT)

    def for_page(self) -> ResellerQuerySet:
        """Return rows with all that the head of a reseller's page shows, in one query."""
        subs = Reseller.objects.kept().filter(parent=models.OuterRef("pk")).order_by().values("parent")
        sub_count = models.Subquery(subs.annotate(count=models.Count("pk")).values("count"))
        return (
            self.for_list().select_related("user__two_step", "parent__user").annotate(sub_count=Coalesce(sub_count, 0))
        )


class Reseller(models.Model):
    """A partner operator with a wallet; with a parent it is a sub-reseller."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="owned_reseller")
    wallet = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="reseller")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="subs")
    permission_group = models.ForeignKey(
        PermissionGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="resellers"
    )
    company_name = models.CharField(max_length=150)
    display_name = models.CharField(max_length=150, blank=True)
    address = models.TextField(max_length=500, blank=True)
    identity_verified_at = models.DateField(null=True, blank=True)
    identity_verified_by = models.CharField(max_length=150, blank=True)
    agreement_signed_at = models.DateField(null=True, blank=True)
    agreement_reference = models.CharField(max_length=100, blank=True)
    #: Addresses and CIDR blocks, one per line; empty is open.
    allowed_ips = models.TextField(blank=True)
    wan_check = models.CharField(max_length=10, choices=WanCheck.choices, default=WanCheck.INHERIT)
    #: Suspended: neither it nor its subs sign in; its subscribers stay online.
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspension_reason = models.CharField(max_length=200, blank=True)
    #: The username of whoever suspended it, as a plain value.
    suspended_by = models.CharField(max_length=254, blank=True)
    #: What an admin suspended, its parent does not resume.
    suspended_by_admin = models.BooleanField(default=False)
    #: While suspended, its subscribers and its subs' are not renewed by themselves either.
    stops_renewals = models.BooleanField(default=False)
    #: Deleted: hidden and closed, can be restored until it is purged.
    deleted_at = models.DateTimeField(null=True, blank=True)
    #: Deleted for good: its names are free, its personal data is gone; the row stays for the books.
    purged_at = models.DateTimeField(null=True, blank=True)
    #: At this balance, or below, the wallet is listed as low; 0 or more.
    low_balance_threshold = models.DecimalField(**MONEY, default=Decimal(0))
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = ResellerQuerySet.as_manager()

    class Meta:
        db_table = "resellers"
        verbose_name, verbose_name_plural = _("reseller"), _("resellers")
        constraints = [
            models.CheckConstraint(condition=~Q(company_name=""), name="reseller_has_a_company_name"),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="reseller_is_not_its_own_parent"),
            models.CheckConstraint(condition=Q(wan_check__in=WanCheck.values), name="wan_check_is_known"),
            models.CheckConstraint(
                condition=Q(stops_renewals=False) | Q(suspended_at__isnull=False), name="only_suspension_stops_renewals"
            ),
            models.CheckConstraint(
                condition=Q(purged_at__isnull=True) | Q(deleted_at__isnull=False), name="only_the_deleted_are_purged"
            ),
            models.CheckConstraint(
                condition=Q(low_balance_threshold__gte=0, low_balance_threshold__lte=HIGHEST_AMOUNT),
                name="low_balance_threshold_is_an_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.company_name

    @property
    def public_name(self) -> str:
        """The display name, or the company name where there is none."""
        return self.display_name or self.company_name

    @property
    def is_sub(self) -> bool:
        return self.parent_id is not None

    @property
    def suspended_through(self) -> Reseller | None:
        """Return whose suspension keeps its logins out: its own, its parent's, or nobody's."""
        if self.suspended_at:
            return self
        return self.parent if self.parent and self.parent.suspended_at else None

    @property
    def is_suspended(self) -> bool:
        return self.suspended_through is not None

    def is_suspendable_by(self, seat: Seat) -> bool:
        """Say whether there is something left to suspend: for an admin also where somebody else suspended it."""
        return self.suspended_at is None or (seat.is_admin and not self.suspended_by_admin)

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_purged(self) -> bool:
        return self.purged_at is not None

    def is_actable_by(self, seat: Seat) -> bool:
        """Say of one row what `ResellerQuerySet.actable_by` says of all."""
        if seat.is_admin:
            return True
        return not self.is_deleted and seat.reseller is not None and seat.reseller.pk == self.parent_id

    def is_in_tree_of(self, seat: Seat) -> bool:
        """Say of one row what `ResellerQuerySet.in_tree_of` says of all."""
        if seat.is_admin:
            return True
        return not self.is_deleted and seat.reseller is not None and seat.reseller.pk in (self.pk, self.parent_id)

    def is_visible_to(self, seat: Seat) -> bool:
        """Say of one row what `ResellerQuerySet.visible_to` says of all."""
        return self.is_in_tree_of(seat) or (not self.is_deleted and seat.sees_all("resellers"))

    @property
    def is_low_on_balance(self) -> bool:
        """Say of one row what `LOW_ON_BALANCE` says of all."""
        return (self.wallet.balance or Decimal(0)) <= self.low_balance_threshold

    @property
    def wan_check_is_on(self) -> bool:
        """The effective setting: a sub inherits its parent's, a top-level reseller inherits off."""
        if self.wan_check == WanCheck.INHERIT:
            return self.parent.wan_check_is_on if self.parent else False
        return self.wan_check == WanCheck.ON


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
        return self.select_related("reseller__parent", "transfer__undone_by")

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


class StaffLoginQuerySet(models.QuerySet["StaffLogin"]):
    def visible_to(self, seat: Seat) -> StaffLoginQuerySet:
        """Return what the seat reads: the staff of its own reseller and of its subs; an admin's, all."""
        if seat.is_admin:
            return self
        own = seat.reseller
        return self.filter(Q(reseller=own) | Q(reseller__parent=own)) if own else self.none()

    def actable_by(self, seat: Seat) -> StaffLoginQuerySet:
        """Return what the seat may act on: its own reseller's staff, but not itself.

        A sub-reseller answers for its own staff: its parent sees them, and acts on them by way of "Login as".
        """
        if seat.is_admin:
            return self
        return self.filter(reseller=seat.reseller).exclude(pk=seat.user.pk) if seat.reseller else self.none()

    def named_like(self, text: str) -> StaffLoginQuerySet:
        return self.filter(
            Q(username__icontains=text)
            | Q(full_name__icontains=text)
            | Q(email__icontains=text)
            | Q(phone__icontains=text)
            | Q(reseller__company_name__icontains=text)
            | Q(reseller__display_name__icontains=text)
        )

    def for_list(self) -> StaffLoginQuerySet:
        """Return rows with all that a line of the list shows and asks, in one query."""
        rows = self.select_related(
            "permission_group", "reseller__permission_group", "reseller__user", "reseller__parent__permission_group"
        )
        return rows.annotate(
            has_second_step=models.ExpressionWrapper(
                Q(two_step__confirmed_at__isnull=False), output_field=models.BooleanField()
            )
        )


class StaffLoginManager(BaseUserManager["StaffLogin"]):
    def get_queryset(self) -> StaffLoginQuerySet:
        """Return the staff; with a deleted reseller its staff is gone, and comes back with it."""
        logins = StaffLoginQuerySet(self.model, using=self._db).filter(user_type=UserType.RESELLER)
        return logins.filter(reseller__isnull=False, reseller__deleted_at__isnull=True).exclude(reseller__user=F("pk"))

    def visible_to(self, seat: Seat) -> StaffLoginQuerySet:
        return self.get_queryset().visible_to(seat)

    def actable_by(self, seat: Seat) -> StaffLoginQuerySet:
        return self.get_queryset().actable_by(seat)


class StaffLogin(User):
    """A login of a reseller's staff: one of its logins that is not its own. The table is that of all logins."""

    objects: ClassVar[StaffLoginManager] = StaffLoginManager()  # type: ignore[assignment]

    class Meta:
        proxy = True

    def is_actable_by(self, seat: Seat) -> bool:
        """Say whether the seat may act on this login: within its scope, and never on one that may do more than it."""
        if seat.is_admin:
            return True
        own = seat.reseller is not None and seat.reseller.pk == self.reseller_id and seat.user.pk != self.pk
        return own and self.rights <= seat.rights
