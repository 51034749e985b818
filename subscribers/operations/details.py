"""Adding subscribers and changing what is known of them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import username_characters
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.operations import issue_papers
from ispanel import crypto
from ispanel.refusals import Forbidden, Refusal
from network.models import Nas
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import ResellerDeleted
from resellers.operations import locked as locked_resellers
from resellers.terms import terms_of
from subscribers.models import PeriodKind, Renewal, Subscriber, purpose_of_subscriber_password
from subscribers.operations.renewals import NOT_FAILED, SubscriberTerminated, buy_period, locked, locked_among
from wallet import ledger
from wallet.ledger import ActKey


class SubscriberNameTaken(Refusal):
    """Another subscriber, a terminated one included, has this username."""

    field = "username"

    def __init__(self, username: str) -> None:
        super().__init__(_("The username “%(name)s” is taken. Choose another one.") % {"name": username})


class UnusableSubscriberName(Refusal):
    """The username has characters that none may have."""

    field = "username"


class ResellerOutOfScope(Refusal):
    """The chosen reseller is neither the actor's own nor one of its subs."""

    field = "reseller"

    def __init__(self) -> None:
        super().__init__(_("Choose yourself or one of your sub-resellers."))


class ChangedMeanwhile(Refusal):
    """Somebody else saved the subscriber's details since the form was shown."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this subscriber meanwhile. Open the form again to see it as it is now."))


class SubscriberDetails(TypedDict, total=False):
    """What is known of a subscriber besides username, password, plan and reseller."""

    full_name: str
    phone: str
    email: str
    address: str
    nas: Nas | None
    static_ip: str | None
    mac: str
    auto_renew: bool
    note: str


DETAILS = tuple(SubscriberDetails.__annotations__)
#: How to reach the people at the line: what the desk may change, and nothing else.
CONTACT = ("full_name", "phone", "email", "address")


@transaction.atomic
def add_subscriber(
    *,
    actor: Seat,
    reseller: Reseller,
    plan: Plan,
    username: str,
    password: str,
    activate: bool = True,
    retail_price: Decimal | None = None,
    agreed_price: Decimal | None = None,
    key: ActKey | None = None,
    now: datetime,
    **details: Unpack[SubscriberDetails],
) -> Subscriber:
    """Add a subscriber and charge the first period, or save it unpaid, as expired.

    A suspended reseller's wallet pays as any other's; a deleted one's is closed.

    :param retail_price: what the reseller asks of this line, where it is not what it asks of all.
    :raises Forbidden: where a price is set without the permission.
    :raises SubscriberNameTaken, UnusableSubscriberName, NoServiceGroups, PlanOutOfReach, PlanNotOnSale,
        NasOutOfReach, ResellerOutOfScope, ResellerDeleted, InsufficientFunds, FormAlreadyUsed:
    """
    # Locked, so that it is not deleted at the same moment.
    [reseller] = locked_resellers(reseller.pk)
    if not reseller.is_in_tree_of(actor):
        raise ResellerOutOfScope
    if retail_price is not None:
        check_may_set_price(actor)
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Subscriber.objects.get(pk=first)
    if reseller.is_deleted:
        raise ResellerDeleted(reseller)
    terms = terms_of(reseller)
    terms.check_new_plan(plan)
    terms.check_nas(details.get("nas"))
    username = fold_subscriber_name(username)
    subscriber = Subscriber(
        username=username,
        password_ciphertext=crypto.encrypt(password, purpose=purpose_of_subscriber_password(username)),
        plan=plan,
        reseller=reseller,
        retail_price=retail_price,
        created_at=now,
        updated_at=now,
        **details,
    )
    insert_subscriber(subscriber)
    audit.record(
        actor=actor,
        action=Action.SUBSCRIBER_CREATED,
        obj=subscriber,
        reseller_id=reseller.pk,
        changes={"plan": (None, plan), "reseller": (None, reseller), "retail_price": (None, retail_price)},
        now=now,
    )
    sold: list[Renewal] = []
    if activate:
        period = buy_period(
            actor=actor,
            subscriber=subscriber,
            terms=terms,
            kind=PeriodKind.ACTIVATION,
            agreed_price=agreed_price,
            now=now,
        )
        sold.append(period)
    if key:
        ledger.remember(actor=actor, key=key, result_id=subscriber.pk, now=now)
    issue_papers(sold=sold, now=now)
    return subscriber


def fold_subscriber_name(username: str) -> str:
    """Return the username in lower case.

    :raises UnusableSubscriberName:
    """
    folded = username.strip().lower()
    try:
        username_characters(folded)
    except ValidationError as problem:
        raise UnusableSubscriberName(problem.messages[0]) from problem
    return folded


def insert_subscriber(subscriber: Subscriber) -> None:
    """:raises SubscriberNameTaken: also where somebody else took the name a moment ago."""
    try:
        with transaction.atomic():
            subscriber.save(force_insert=True)
    except IntegrityError as problem:
        if Subscriber.objects.filter(username=subscriber.username).exists():
            raise SubscriberNameTaken(subscriber.username) from problem
        raise


@transaction.atomic
def edit_subscriber(
    *,
    actor: Seat,
    subscriber_id: int,
    password: str = "",
    seen: str = "",
    now: datetime,
    **details: Unpack[SubscriberDetails],
) -> Subscriber:
    """Change a subscriber's details; an empty password keeps the present one. The trail never holds a password.

    :param seen: the `state_of` the details that the person was shown; any other one is refused.
    :raises ChangedMeanwhile, NasOutOfReach:
    :raises Forbidden: also for anything but `CONTACT` from the desk.
    """
    if actor.is_at_desk:
        if password or details.keys() - CONTACT:
            raise Forbidden
        subscriber = locked_among(Subscriber.objects.editable_by(actor), subscriber_id)
    else:
        subscriber = locked(actor, subscriber_id)
    if seen and seen != state_of(subscriber):
        raise ChangedMeanwhile
    if "nas" in details and details["nas"] != subscriber.nas:
        terms_of(subscriber.reseller).check_nas(details["nas"])
    changes = audit.changed_fields(subscriber, details)
    fields = [*changes, "updated_at"]
    if "auto_renew" in changes or "nas" in changes:
        # What the worker found belongs to what was.
        for name, value in NOT_FAILED.items():
            setattr(subscriber, name, value)
        fields += NOT_FAILED
    if password:
        purpose = purpose_of_subscriber_password(subscriber.username)
        subscriber.password_ciphertext = crypto.encrypt(password, purpose=purpose)
        fields.append("password_ciphertext")
        changes["password"] = (None, _("changed"))
    if changes:
        subscriber.updated_at = now
        subscriber.save(update_fields=fields)
        audit.record(
            actor=actor,
            action=Action.SUBSCRIBER_EDITED,
            obj=subscriber,
            reseller_id=subscriber.reseller_id,
            changes=changes,
            now=now,
        )
    return subscriber


@transaction.atomic
def set_subscriber_price(*, actor: Seat, subscriber_id: int, retail_price: Decimal | None, now: datetime) -> Subscriber:
    """Set what the reseller asks of one line from its next period on; None is what it asks of all of the plan.

    :raises Forbidden: also without the permission.
    :raises SubscriberTerminated:
    """
    check_may_set_price(actor)
    subscriber = locked(actor, subscriber_id)
    if subscriber.terminated_at:
        raise SubscriberTerminated
    if changes := audit.changed_fields(subscriber, {"retail_price": retail_price}):
        subscriber.updated_at = now
        subscriber.save(update_fields=["retail_price", "updated_at"])
        audit.record(
            actor=actor,
            action=Action.SUBSCRIBER_PRICE_SET,
            obj=subscriber,
            reseller_id=subscriber.reseller_id,
            changes=changes,
            now=now,
        )
    return subscriber


def check_may_set_price(actor: Seat) -> None:
    """:raises Forbidden:"""
    if not actor.has("subscribers.set_price"):
        raise Forbidden


def state_of(subscriber: Subscriber) -> str:
    """Return what tells these details from any others; a renewal in between does not count."""
    details = json.dumps([str(getattr(subscriber, name)) for name in DETAILS])
    return hashlib.sha256(details.encode()).hexdigest()
