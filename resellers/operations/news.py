"""What resellers are told of their money."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from accounts.seats import Seat
from ispanel import messages
from ispanel.installation import currency
from ispanel.issuer import panel_issuer
from ispanel.messages import Event, Occurrence
from ispanel.money import with_code
from resellers.models import Reseller
from wallet.models import Entry, Transfer

#: How many resellers are told in one transaction.
TOLD_AT_ONCE = 500


def announce_received(*, actor: Seat, reseller: Reseller, transfer: Transfer) -> None:
    """Say that money arrived in a reseller's wallet, in the act's transaction and once the transfer is posted."""
    if not messages.wanted(Event.TRANSFER_RECEIVED):
        return
    entry = Entry.objects.get(transfer=transfer, account=reseller.wallet_id)
    money = currency()
    facts = {
        "reseller": reseller.public_name,
        "amount": with_code(transfer.amount, money),
        "balance": with_code(entry.balance_after or Decimal(0), money),
        "sender": actor.reseller.public_name if actor.reseller else panel_issuer().name,
        "note": transfer.note,
    }
    messages.announce(Occurrence(Event.TRANSFER_RECEIVED, key=str(transfer.pk), facts=facts, reseller=reseller))


@transaction.atomic
def announce_low_balances(*, now: datetime) -> int:
    """Tell the resellers whose wallet has come down to their threshold, and return how many there are.

    Each is told once, and again after its balance was above the threshold in between. A wallet that never held money
    is no news.
    """
    if not messages.wanted(Event.LOW_BALANCE):
        return 0
    entries = Entry.objects.filter(account=OuterRef("wallet"))
    above_since = entries.filter(
        pk__gte=OuterRef("low_balance_told_at_entry"), balance_after__gt=OuterRef("low_balance_threshold")
    )
    rows = (
        Reseller.objects.kept()
        .low_on_balance()
        .filter(Q(low_balance_told_at_entry__isnull=True) | Exists(above_since))
        .annotate(last_entry=Subquery(entries.order_by("-pk").values("pk")[:1]))
        .filter(last_entry__isnull=False)
    )
    news = list(
        rows.select_related("wallet", "user")
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .order_by("pk")[:TOLD_AT_ONCE]
    )
    for reseller in news:
        reseller.low_balance_told_at_entry = reseller.last_entry  # type: ignore[attr-defined] # annotated above
    Reseller.objects.bulk_update(news, ["low_balance_told_at_entry"])
    messages.announce(*map(low_balance_of, news))
    return len(news)


def was_above_since_told(reseller: Reseller, threshold: Decimal) -> bool:
    """Say whether the wallet has held more than the threshold since its reseller was last told that it is low."""
    told_at = reseller.low_balance_told_at_entry
    if told_at is None:
        return False
    return Entry.objects.filter(account=reseller.wallet_id, pk__gte=told_at, balance_after__gt=threshold).exists()


def low_balance_of(reseller: Reseller) -> Occurrence:
    money, wallet = currency(), reseller.wallet
    facts = {
        "reseller": reseller.public_name,
        "balance": with_code(wallet.balance or Decimal(0), money),
        "available": with_code(wallet.available, money),
        "threshold": with_code(reseller.low_balance_threshold, money),
    }
    key = f"{reseller.pk}:{reseller.low_balance_told_at_entry}"
    return Occurrence(Event.LOW_BALANCE, key=key, facts=facts, reseller=reseller)
