"""Data: selling it on top of a quota, and what accounting tells of its use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM, Actor
from billing.operations import issue_papers
from ispanel.refusals import Refusal
from network import operations as network
from plans.models import DataPack, wholesale
from resellers.terms import terms_of
from subscribers.models import PeriodKind, Renewal, Status, Subscriber
from subscribers.operations.lines import NotOnline, check_not_terminated
from subscribers.operations.renewals import NOTE_LENGTH, PriceChanged, locked
from subscribers.usage import Usage, usage_of
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import TransferKind


class PackNotOffered(Refusal):
    """The data pack is not one of the plan that the line runs on, or is no longer sold."""

    field = "pack"

    def __init__(self) -> None:
        super().__init__(_("This data is not offered for the subscriber’s plan. Choose another one."))


@transaction.atomic
def sell_data(
    *,
    actor: Seat,
    subscriber_id: int,
    pack: DataPack,
    agreed_price: Decimal | None = None,
    key: ActKey | None = None,
    now: datetime,
) -> Renewal:
    """Charge a data pack to the wallet of the subscriber's reseller; it counts until the running period ends.

    A throttled line that is below its fair-use threshold again gets its full speed back.

    :raises Forbidden, SubscriberTerminated, NotOnline, PackNotOffered, NoServiceGroups, PlanOutOfReach, PriceChanged,
        InsufficientFunds, FormAlreadyUsed:
    """
    subscriber = locked(actor, subscriber_id)
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Renewal.objects.get(pk=first)
    check_not_terminated(subscriber)
    usage = usage_of(subscriber.pk, now)
    if usage is None or subscriber.status_at(now) != Status.ACTIVE:
        raise NotOnline
    if pack.plan_id != usage.plan.pk or not pack.is_on_sale:
        raise PackNotOffered
    terms = terms_of(subscriber.reseller)
    if not subscriber.may_keep_renewing:
        terms.check_plan(usage.plan)
    price = wholesale(pack.price, subscriber.reseller.discount)
    if agreed_price is not None and agreed_price != price:
        raise PriceChanged(price)
    told = audit.row(
        actor=actor,
        action=Action.SUBSCRIBER_TOPPED_UP,
        obj=subscriber,
        reseller_id=subscriber.reseller_id,
        detail=str(pack),
        changes={"charged": (None, price), "data_mb": (None, pack.megabytes)},
        now=now,
    )
    sold = Renewal(
        subscriber=subscriber,
        reseller=subscriber.reseller,
        plan=usage.plan,
        kind=PeriodKind.DATA_TOP_UP,
        starts_at=now,
        ends_at=usage.period.ends_at,
        price=price,
        retail_price=pack.price,
        worth=price,
        retail_worth=pack.price,
        quota_mb=pack.megabytes,
        created_at=now,
    )
    if price:
        posted = ledger.post(
            actor=actor,
            kind=TransferKind.DATA_TOP_UP,
            debit=subscriber.reseller.wallet,
            credit=ledger.income_account(),
            amount=price,
            note=f"{subscriber.username} · {pack}"[:NOTE_LENGTH],
            trail=told,
            now=now,
        )
        sold.transfer_id = posted.transfer_id
    else:
        told.save(force_insert=True)
    sold.save(force_insert=True)
    if usage.is_throttled and not (after := Usage(usage.period, usage.extra_mb + pack.megabytes)).is_throttled:
        set_speed(SYSTEM, subscriber, after, _("Data bought"), now)
    if key:
        ledger.remember(actor=actor, key=key, result_id=sold.pk, now=now)
    issue_papers(sold=[sold], now=now)
    return sold


def record_usage(*, used: Mapping[str, int], now: datetime) -> list[str]:
    """Take over what lines have used in their running period so far, in megabytes by username.

    A line that reaches its fair-use threshold is throttled. Numbers that go down are taken as they are: accounting
    knows best.

    :return: the usernames that were not taken: no such line, or no period runs.
    """
    left_out: list[str] = []
    lines = dict(Subscriber.objects.kept().filter(username__in=used).values_list("username", "pk"))
    for username, megabytes in used.items():
        if username not in lines or not record_usage_of(lines[username], megabytes, now):
            left_out.append(username)
    return left_out


@transaction.atomic
def record_usage_of(subscriber_id: int, megabytes: int, now: datetime) -> bool:
    """Take over what one line has used; return whether a period of it runs."""
    subscriber = Subscriber.objects.select_for_update(of=("self",), no_key=True).get(pk=subscriber_id)
    usage = usage_of(subscriber_id, now)
    if usage is None:
        return False
    usage.period.used_mb = megabytes
    usage.period.save(update_fields=["used_mb"])
    # Held against what the access server was told last: periods end and begin, and data comes and goes, in between.
    if usage.is_throttled != bool(subscriber.throttled_at) and subscriber.status_at(now) == Status.ACTIVE:
        if usage.is_throttled:
            audit.record(
                actor=SYSTEM,
                action=Action.SUBSCRIBER_THROTTLED,
                obj=subscriber,
                reseller_id=subscriber.reseller_id,
                now=now,
            )
        set_speed(SYSTEM, subscriber, usage, _("Fair use"), now)
    return True


def set_speed(actor: Actor, subscriber: Subscriber, usage: Usage, reason: str, now: datetime) -> None:
    """Ask the line's access server for the speed that it has now, once the act is done."""
    subscriber.throttled_at = now if usage.is_throttled else None
    subscriber.save(update_fields=["throttled_at"])
    download, upload = usage.speeds
    network.set_speed(
        actor=actor,
        nas=subscriber.nas,
        subscriber_id=subscriber.pk,
        username=subscriber.username,
        reason=reason,
        download_kbps=download,
        upload_kbps=upload,
        now=now,
    )
