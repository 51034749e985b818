"""The tenant tree, one level deep."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.models import PermissionGroup, User
from accounts.seats import Seat
from ispanel.installation import panel_settings
from ispanel.issuer import Issuer, panel_issuer
from ispanel.models import prefix_characters
from ispanel.money import HIGHEST_AMOUNT, MONEY
from network.models import Nas, NasQuerySet
from plans.models import Level, Plan, PlanQuerySet, ServiceGroup
from wallet.models import Entry, LedgerAccount

if TYPE_CHECKING:
    from resellers.models.branding import Branding


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

    def with_wan_check(self) -> ResellerQuerySet:
        """Return those whose WAN check is on, as `Reseller.wan_check_is_on` says of one."""
        inherited = Q(wan_check=WanCheck.INHERIT, parent__wan_check=WanCheck.ON)
        return self.kept().filter(Q(wan_check=WanCheck.ON) | inherited)

    def for_list(self) -> ResellerQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("user", "wallet", "parent", "permission_group", "level").annotate(
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
    #: Its terms: the discount, and the highest credit limit. Null has neither.
    level = models.ForeignKey(Level, null=True, blank=True, on_delete=models.PROTECT, related_name="resellers")
    #: It sells the plans of these alone; a sub's are among its parent's: see ``sql/groups_within_the_parents.sql``.
    service_groups = models.ManyToManyField(ServiceGroup, related_name="resellers", db_table="reseller_service_groups")
    #: Whether it may use `nas_devices` alone, and not all that its parent may use.
    nas_is_limited = models.BooleanField(default=False)
    nas_devices = models.ManyToManyField(Nas, related_name="resellers", db_table="reseller_nas_devices")
    company_name = models.CharField(max_length=150)
    display_name = models.CharField(max_length=150, blank=True)
    address = models.TextField(max_length=500, blank=True)
    #: On the papers that it issues: what stands under the address, and what their numbers begin with.
    tax_line = models.CharField(max_length=150, blank=True)
    #: Blank is the panel's.
    invoice_prefix = models.CharField(max_length=12, blank=True, validators=[prefix_characters])
    #: An admin let it have a logo, a colour and a domain of its own.
    has_branding = models.BooleanField(default=False)
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
    #: The wallet's last entry when it was last told that it is low; null where it never was.
    low_balance_told_at_entry = models.BigIntegerField(null=True)
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
    def issuer(self) -> Issuer:
        """Who issues the papers about its subscribers, as the billing settings say: the house, or itself."""
        if not panel_settings().reseller_is_issuer:
            return panel_issuer()
        branding = self.shown_branding
        return Issuer(
            name=self.company_name,
            address=self.address,
            tax_line=self.tax_line,
            logo_id=branding.logo_id if branding else None,
        )

    @property
    def shown_branding(self) -> Branding | None:
        """Its branding, as far as an admin allows it and there is any."""
        return getattr(self, "branding", None) if self.has_branding else None

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
    def discount(self) -> Decimal:
        """Percent off each plan's price: its level's, or nothing."""
        return self.level.discount if self.level else Decimal(0)

    def nas_in_scope(self) -> NasQuerySet:
        """Return the NAS devices that its lines may use: within its parent's, and its own list where it has one."""
        devices = self.parent.nas_in_scope() if self.parent else Nas.objects.all()
        return devices.filter(pk__in=self.nas_devices.values("pk")) if self.nas_is_limited else devices

    def plans_for_sale(self) -> PlanQuerySet:
        """Return the plans that it may sell to somebody new."""
        return Plan.objects.on_sale().within(self.service_groups.all())

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
