"""Writing the lines of a checked file, in the caller's transaction: the subscribers and all that belongs to them.

The rows go in by COPY. What all of them have in common is taken from one row that is made as a single subscriber's is,
so that a column which is added later is in them too.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import Model

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.operations import issue_papers
from ispanel import crypto
from ispanel.copying import columns_of, copy
from plans.models import Plan
from resellers.models import Reseller
from resellers.terms import Terms
from subscribers.imports.checking import Line
from subscribers.models import PeriodKind, Renewal, Subscriber, purpose_of_subscriber_password
from subscribers.operations.renewals import Quote, note_of, period_of, quote, row_of
from wallet import ledger
from wallet.ledger import Charge, InsufficientFunds
from wallet.models import TransferKind

#: How many lines are written, or charged, at once; after each such part it is said how far it is.
AT_ONCE = 500
#: Of a generated password: they make sixteen letters and digits, without 0, 1, 8 and 9.
RANDOM_BYTES = 10
#: In what the subscribers of a file differ.
OF_A_LINE = (
    "username", "password_ciphertext", "plan_id", "nas_id", "expires_at", "expired_at", "full_name", "phone", "email",
    "address", "static_ip", "mac", "auto_renew", "retail_price", "note",
)  # fmt: skip
#: What the invoice says of the subscriber, and where it is told of it.
ON_PAPER = ("full_name", "address", "phone", "email")
IDS = "SELECT username, id FROM subscribers WHERE username = ANY (%s)"


@dataclass(slots=True)
class Writing:
    """The lines of one file on their way into the database, and what came of them."""

    seat: Seat
    terms: Terms
    lines: Sequence[Line]
    #: Whether each line's first period is charged.
    activates: bool
    total: Decimal
    #: What each subscriber's row of the trail says besides.
    detail: str
    now: datetime
    progress: Callable[[int], None]
    #: Username and password of those whose password was generated.
    generated: list[tuple[str, str]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    quotes: dict[Plan, Quote] = field(default_factory=dict)
    periods: list[Renewal] = field(default_factory=list)

    @property
    def reseller(self) -> Reseller:
        return self.terms.reseller

    def write(self) -> None:
        """Write all of it.

        :raises InsufficientFunds: what is missing for all lines together.
        """
        self.check_funds(self.reseller.wallet.available)
        for start in range(0, len(self.lines), AT_ONCE):
            self.write_subscribers(self.lines[start : start + AT_ONCE])
            self.say(start + AT_ONCE)
        if self.activates:
            self.write_periods(self.charge_all())
        else:
            self.write_periods(self.periods_without_charge())

    def say(self, written: int, charged: int = 0) -> None:
        """Say how far it is; where lines are charged, that is the second half of the work."""
        steps = written + charged if self.activates else 2 * written
        self.progress(min(steps // 2, len(self.lines)))

    def check_funds(self, available: Decimal) -> None:
        """:raises InsufficientFunds:"""
        if self.total > available:
            raise InsufficientFunds(available=available, required=self.total)

    # --- the subscribers ----------------------------------------------------------------------------------------------

    def write_subscribers(self, lines: Sequence[Line]) -> None:
        """Write these lines and their rows of the trail."""
        sample = Subscriber(reseller=self.reseller, created_at=self.now, updated_at=self.now)
        copy_alike(sample, OF_A_LINE, map(self.cells_of, lines))
        with connection.cursor() as cursor:
            cursor.execute(IDS, [[line.username for line in lines]])
            self.ids.update(cursor.fetchall())
        told = audit.row(
            actor=self.seat,
            action=Action.SUBSCRIBER_CREATED,
            obj=Subscriber(),
            reseller_id=self.reseller.pk,
            detail=self.detail,
            now=self.now,
        )
        copy_alike(told, ("object_id", "object_name", "changes"), map(self.trail_of, lines))

    def cells_of(self, line: Line) -> Sequence[Any]:
        """Return the line's values, in the order of `OF_A_LINE`."""
        held, password = line.details, line.password
        if not password:
            password = base64.b32encode(os.urandom(RANDOM_BYTES)).decode().lower()
            self.generated.append((line.username, password))
        expires_at = self.quote_for(line.plan).ends_at if self.activates else line.expires_at
        nas = held.get("nas")
        return (
            line.username,
            crypto.encrypt(password, purpose=purpose_of_subscriber_password(line.username)),
            line.plan.pk,
            nas.pk if nas else None,
            expires_at,
            # It was off before it came: there is nothing to tell an access server.
            self.now if expires_at and expires_at <= self.now else None,
            held.get("full_name", ""),
            held.get("phone", ""),
            held.get("email", ""),
            held.get("address", ""),
            held.get("static_ip"),
            held.get("mac", ""),
            held.get("auto_renew", False),
            held.get("retail_price"),
            held.get("note", ""),
        )

    def trail_of(self, line: Line) -> Sequence[Any]:
        """Return what the line's row of the trail says of it alone."""
        changes = {"plan": [None, str(line.plan)], "reseller": [None, str(self.reseller)]}
        if line.expires_at:
            changes["expires_at"] = [None, line.expires_at.isoformat()]
        if (asked := line.details.get("retail_price")) is not None:
            changes["retail_price"] = [None, format(asked.normalize(), "f")]
        return self.ids[line.username], line.username, json.dumps(changes)

    # --- what they are sold -------------------------------------------------------------------------------------------

    def quote_for(self, plan: Plan) -> Quote:
        """Return the first period of a line with this plan, worked out once."""
        if plan not in self.quotes:
            self.quotes[plan] = quote(terms=self.terms, plan=plan, now=self.now)
        return self.quotes[plan]

    def subscriber_of(self, line: Line) -> Subscriber:
        """Return as much of the written subscriber as its period and its invoice need."""
        return Subscriber(
            pk=self.ids[line.username],
            username=line.username,
            **{name: line.details.get(name, "") for name in ON_PAPER},
        )

    def charge_all(self) -> Iterator[Renewal]:
        """Charge every line's first period, and yield the periods.

        :raises InsufficientFunds:
        """
        paid = Decimal(0)
        for start in range(0, len(self.lines), AT_ONCE):
            wanted = []
            for line in self.lines[start : start + AT_ONCE]:
                retail_price = self.terms.retail(line.plan, line.details.get("retail_price"))
                wanted.append((self.subscriber_of(line), replace(self.quote_for(line.plan), retail_price=retail_price)))
            charges = [self.charge_of(subscriber, bought) for subscriber, bought in wanted]
            charged = ledger.post_charges(
                actor=self.seat,
                kind=TransferKind.ACTIVATION,
                wallet=self.reseller.wallet,
                charges=charges,
                now=self.now,
            )
            paid += sum((charge.amount for charge in charges[: len(charged.transfer_ids)]), Decimal(0))
            if len(charged.transfer_ids) < len(charges):
                raise InsufficientFunds(available=paid + charged.available, required=self.total)
            for (subscriber, bought), transfer_id in zip(wanted, charged.transfer_ids, strict=True):
                yield period_of(
                    subscriber=subscriber,
                    bought=bought,
                    kind=PeriodKind.ACTIVATION,
                    transfer_id=transfer_id,
                    now=self.now,
                )
            self.say(len(self.lines), start + AT_ONCE)

    def charge_of(self, subscriber: Subscriber, bought: Quote) -> Charge:
        return Charge(
            amount=bought.price,
            note=note_of(subscriber, bought.plan),
            trail=row_of(
                actor=self.seat, subscriber=subscriber, bought=bought, kind=PeriodKind.ACTIVATION, now=self.now
            ),
        )

    def periods_without_charge(self) -> Iterator[Renewal]:
        """Yield a period for each line that runs already: it was paid elsewhere, and is worth nothing here."""
        for line in self.lines:
            if line.expires_at and line.expires_at > self.now:
                bought = replace(
                    self.quote_for(line.plan), price=Decimal(0), retail_price=Decimal(0), ends_at=line.expires_at
                )
                yield period_of(
                    subscriber=self.subscriber_of(line),
                    bought=bought,
                    kind=PeriodKind.ACTIVATION,
                    transfer_id=None,
                    now=self.now,
                )

    def write_periods(self, periods: Iterable[Renewal]) -> None:
        columns = columns_of(Renewal)
        # All are made before the first is written: nothing else can be asked of a connection in the midst of a COPY.
        self.periods = list(periods)
        copy(Renewal, columns, map(attrgetter(*columns), self.periods))

    def issue_papers(self) -> None:
        """Issue the invoices for what was charged, as the last writes of all, and in one go: all others wait for it."""
        if not self.activates:
            return
        for start in range(0, len(self.periods), AT_ONCE):
            part = {period.subscriber_id: period for period in self.periods[start : start + AT_ONCE]}
            written = Renewal.objects.filter(subscriber__in=part)
            for subscriber_id, pk in written.values_list("subscriber_id", "pk"):
                part[subscriber_id].pk = pk
        issue_papers(sold=self.periods, now=self.now)


def copy_alike(sample: Model, varying: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows that are as the sample but for some columns, whose values come in that order."""
    model = type(sample)
    alike = [each for each in model._meta.concrete_fields if not each.primary_key and each.attname not in varying]
    same = tuple(each.get_db_prep_save(getattr(sample, each.attname), connection) for each in alike)
    copy(model, [*varying, *(each.attname for each in alike)], [(*row, *same) for row in rows])
