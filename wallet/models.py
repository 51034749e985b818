"""The ledger: accounts, immutable transfers and their entries.

What holds for their rows is said in ``sql/guards.sql``: kinds, amounts, limits, and that entries alone move balances.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from audit.models import AuditEntry
from ispanel.money import MONEY


class AccountKind(models.TextChoices):
    WALLET = "wallet", _("Wallet")
    PLATFORM = "platform", _("Platform")
    INCOME = "income", _("Income")


class TransferKind(models.TextChoices):
    """Charges are income; refund lowers it; the rest is neutral."""

    OPENING = "opening", _("Starting balance")
    TRANSFER = "transfer", _("Transfer")
    WITHDRAWAL = "withdrawal", _("Withdrawal")
    ACTIVATION = "activation", _("Activation")
    RENEWAL = "renewal", _("Renewal")
    PLAN_CHANGE = "plan_change", _("Plan change")
    DATA_TOP_UP = "data_top_up", _("Data top-up")
    REVERSAL = "reversal", _("Reversal")
    REFUND = "refund", _("Refund")


#: What is charged for a subscriber, and undone by a refund.
CHARGES = (TransferKind.ACTIVATION, TransferKind.RENEWAL, TransferKind.PLAN_CHANGE, TransferKind.DATA_TOP_UP)
#: What is moved by hand, and undone by a reversal.
REVERSIBLE = (TransferKind.OPENING, TransferKind.TRANSFER, TransferKind.WITHDRAWAL)
#: What undoes one of these.
UNDOING_KINDS = (TransferKind.REVERSAL, TransferKind.REFUND)


class Direction(models.TextChoices):
    DEBIT = "debit", _("Out")
    CREDIT = "credit", _("In")


class LedgerAccountQuerySet(models.QuerySet["LedgerAccount"]):
    def visible_to(self, seat: Seat) -> LedgerAccountQuerySet:
        """Return whose money the seat reads: its own wallet and its subs', or every wallet with a view_all.

        The wallets of deleted resellers, and the house's accounts, are the admins'.
        """
        if seat.is_admin:
            return self
        wallets = self.wallets().filter(reseller__deleted_at__isnull=True)
        if seat.sees_all("transactions"):
            return wallets
        own = seat.reseller
        return wallets.filter(Q(reseller=own) | Q(reseller__parent=own)) if own else self.none()

    def wallets(self) -> LedgerAccountQuerySet:
        return self.filter(kind=AccountKind.WALLET)


class LedgerAccount(models.Model):
    """A bucket of money. Wallets hold a balance; the house's accounts are summed from their entries."""

    kind = models.CharField(max_length=10, choices=AccountKind.choices)
    name = models.CharField(max_length=254)
    balance = models.DecimalField(**MONEY, null=True)
    #: How far below zero charges, and charges alone, may take the balance; stored >= 0.
    credit_limit = models.DecimalField(**MONEY, null=True)
    closed_at = models.DateTimeField(null=True)

    objects = LedgerAccountQuerySet.as_manager()

    class Meta:
        db_table = "ledger_accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=~Q(kind=AccountKind.WALLET), name="one_house_account_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_wallet(self) -> bool:
        return self.kind == AccountKind.WALLET

    def is_visible_to(self, seat: Seat) -> bool:
        """Say of one row what `LedgerAccountQuerySet.visible_to` says of all; the reseller is at hand."""
        if seat.is_admin:
            return True
        owner = getattr(self, "reseller", None)
        if owner is None or owner.is_deleted:
            return False
        return owner.is_in_tree_of(seat) or seat.sees_all("transactions")

    @property
    def available(self) -> Decimal:
        """Balance + credit limit: what charges may still take."""
        return (self.balance or Decimal(0)) + (self.credit_limit or Decimal(0))

    @property
    def movable(self) -> Decimal:
        """What may leave the wallet as money: the credit limit does not count."""
        return max(self.balance or Decimal(0), Decimal(0))

    @property
    def is_over_limit(self) -> bool:
        return self.available < 0


#: The tabs of the list of transfers: what was moved by hand, what was charged, and what undid one of these.
TABS = {
    "moved": REVERSIBLE,
    "charged": CHARGES,
    "undone": UNDOING_KINDS,
}


class TransferQuerySet(models.QuerySet["Transfer"]):
    def visible_to(self, seat: Seat) -> TransferQuerySet:
        """Return those with an entry on an account that the seat sees.

        The ids of the accounts are read first, so that PostgreSQL knows how many transfers to expect of them.
        """
        if seat.is_admin:
            return self
        seen = list(LedgerAccount.objects.visible_to(seat).values_list("pk", flat=True))
        entries = Entry.objects.filter(account__in=seen)
        if seat.sees_all("transactions"):  # Nearly all: look for an entry of each that is listed.
            return self.filter(models.Exists(entries.filter(transfer=models.OuterRef("pk"))))
        return self.filter(pk__in=entries.values("transfer"))

    def in_tab(self, name: str) -> TransferQuerySet:
        return self.filter(kind__in=TABS[name])

    def with_sides(self) -> TransferQuerySet:
        """Return rows with the accounts on both sides, and what took them back, in three queries."""
        entries = Entry.objects.select_related("account__reseller").order_by("id")
        return self.prefetch_related(models.Prefetch("entries", queryset=entries), "undoing")


class Transfer(models.Model):
    """One immutable money event with two entries or more."""

    kind = models.CharField(max_length=12, choices=TransferKind.choices)
    amount = models.DecimalField(**MONEY)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=254)
    on_behalf_of_id = models.BigIntegerField(null=True)
    on_behalf_of_name = models.CharField(max_length=254, blank=True)
    #: What a reversal takes back, once, or a refund, whole or in part; see `check_undoing` in SQL.
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undoing")
    #: Its row in the trail, which `check_transfer` looks for; null only on what was moved before rows were linked.
    audit_entry = models.OneToOneField(
        AuditEntry, null=True, on_delete=models.PROTECT, db_constraint=False, related_name="transfer"
    )

    objects = TransferQuerySet.as_manager()

    class Meta:
        db_table = "transfers"
        constraints = [
            models.UniqueConstraint(fields=["undoes"], condition=Q(kind=TransferKind.REVERSAL), name="reversed_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    @property
    def is_charge(self) -> bool:
        return self.kind in CHARGES

    @property
    def is_reversible(self) -> bool:
        return self.kind in REVERSIBLE

    @property
    def undone_by(self) -> Transfer | None:
        """The reversal, or the last refund of it; None where there is none."""
        return max(self.undoing.all(), key=lambda each: each.pk, default=None)

    @property
    def is_undone(self) -> bool:
        """Say whether it was reversed or refunded, if in part."""
        return self.undone_by is not None

    @property
    def taken_back(self) -> Decimal:
        """How much of it was reversed or refunded."""
        return sum((each.amount for each in self.undoing.all()), Decimal(0))

    @property
    def sent_by(self) -> LedgerAccount:
        """The account that the money came from; see `TransferQuerySet.with_sides`."""
        return self._side(Direction.DEBIT)

    @property
    def received_by(self) -> LedgerAccount:
        """The account that the money went to; see `TransferQuerySet.with_sides`."""
        return self._side(Direction.CREDIT)

    @property
    def about(self) -> LedgerAccount:
        """The wallet that a transfer by hand was about: the one that it fills, or that a withdrawal empties."""
        return self.sent_by if self.kind == TransferKind.WITHDRAWAL else self.received_by

    def _side(self, direction: Direction) -> LedgerAccount:
        return next(entry.account for entry in self.entries.all() if entry.direction == direction)

    @property
    def undone_in_words(self) -> str:
        """Say that it was reversed or refunded, or nothing."""
        if self.undone_by is None:
            return ""
        if self.undone_by.kind == TransferKind.REVERSAL:
            return str(_("Reversed"))
        return str(_("Refunded") if self.taken_back == self.amount else _("Refunded in part"))


class EntryQuerySet(models.QuerySet["Entry"]):
    def of(self, account: LedgerAccount) -> EntryQuerySet:
        """Return the account's entries, the newest first, with what a line of them shows."""
        return (
            self.filter(account=account)
            .select_related("transfer")
            .prefetch_related(
                models.Prefetch("transfer__entries", queryset=Entry.objects.select_related("account__reseller")),
                "transfer__undoing",
            )
            .order_by("-id")
        )

    def deposits(self) -> EntryQuerySet:
        """Return what was transferred to the wallet."""
        return self.filter(direction=Direction.CREDIT, transfer__kind__in=(TransferKind.OPENING, TransferKind.TRANSFER))

    def kept(self) -> EntryQuerySet:
        """Leave out those of transfers that were reversed or refunded."""
        return self.filter(transfer__undoing__isnull=True)

    def since(self, start: datetime) -> EntryQuerySet:
        return self.filter(transfer__created_at__gte=start)

    def before(self, end: datetime) -> EntryQuerySet:
        return self.filter(transfer__created_at__lt=end)

    def total(self) -> Decimal:
        """Return what the entries add up to: credits less debits."""
        zero = Decimal(0)
        sums = self.aggregate(
            money_in=models.Sum("amount", filter=Q(direction=Direction.CREDIT), default=zero),
            money_out=models.Sum("amount", filter=Q(direction=Direction.DEBIT), default=zero),
        )
        total: Decimal = sums["money_in"] - sums["money_out"]
        return total


class Entry(models.Model):
    """One side of a transfer. A credit raises the account's balance, a debit lowers it."""

    # `check_entries` looks for both; a foreign key would lock the house's account for every transfer.
    transfer = models.ForeignKey(
        Transfer, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    direction = models.CharField(max_length=6, choices=Direction.choices)
    amount = models.DecimalField(**MONEY)
    #: The wallet's balance after this entry; null on the house's accounts.
    balance_after = models.DecimalField(**MONEY, null=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        db_table = "entries"
        constraints = [
            models.UniqueConstraint(fields=["transfer", "account"], name="one_entry_per_account_and_transfer"),
        ]
        indexes = [models.Index(F("account"), F("id").desc(), name="entries_by_account")]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.amount}"

    @property
    def signed_amount(self) -> Decimal:
        return self.amount if self.direction == Direction.CREDIT else -self.amount

    @property
    def counterparty(self) -> LedgerAccount | None:
        """The account on the other side; entries are prefetched by `EntryQuerySet.of`."""
        return next((entry.account for entry in self.transfer.entries.all() if entry.pk != self.pk), None)


class IdempotencyKey(models.Model):
    """A money form that was carried out: pressing again gets its first result."""

    login_id = models.BigIntegerField()
    act = models.CharField(max_length=40)
    key = models.UUIDField()
    digest = models.BinaryField()
    result_id = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_keys"
        constraints = [models.UniqueConstraint(fields=["login_id", "act", "key"], name="one_effect_per_key")]

    def __str__(self) -> str:
        return f"{self.act} {self.key}"


class LedgerCheck(models.Model):
    """One run of ``verify_ledger``: what it looked at, and what it found wrong."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    transfers = models.BigIntegerField()
    entries = models.BigIntegerField()
    wallets = models.BigIntegerField()
    #: How many rows are wrong; the first of them are named in `findings`.
    wrong = models.BigIntegerField()
    findings: models.JSONField[list[str], list[str]] = models.JSONField(default=list)

    class Meta:
        db_table = "ledger_checks"

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M} {self.wrong}"

    @property
    def is_clean(self) -> bool:
        return not self.wrong

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()
