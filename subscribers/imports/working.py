"""What the worker does with an uploaded file: it checks it, and it imports it.

It does so in the name of whoever asked, with the rights that they have at that moment.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.operations import seat_again
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.installation import settings_in_force
from ispanel.refusals import Forbidden, Refusal
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import ResellerDeleted
from resellers.operations import locked as locked_resellers
from resellers.terms import terms_of
from subscribers.import_models import BEFORE, ImportState, SubscriberImport, SubscriberImportQuerySet
from subscribers.imports.checking import Checked, Wish, check
from subscribers.imports.keeping import encrypted, table_in
from subscribers.imports.writing import Writing
from subscribers.operations.details import ResellerOutOfScope
from subscribers.operations.renewals import PriceChanged

#: How often the worker begins with what was asked before it says that nothing comes of it.
TRIES = 4
#: How often it says how far it is.
SAID_EVERY = 0.4  # seconds
SAY = "UPDATE subscriber_imports SET progress = %s WHERE id = %s AND number = %s"

log = logging.getLogger(__name__)
Progress = Callable[[int], None]


class FoundWrong(Refusal):
    """Something is wrong with the rows that was not when they were checked."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        super().__init__(_("Nothing was imported: something has changed since the check. See below what it is."))


class TakenBack(Refusal):
    """It took so long that it counts as not done."""


def check_file(*, import_id: int, number: int, now: datetime) -> None:
    """Check the file and keep what was found. Nothing else is written."""
    asked = SubscriberImport.objects.asked(import_id, ImportState.CHECKING, number)
    with taken_up(asked, now) as held:
        if held is None:
            return
        seat = seat_of(held)
        wish = wish_of(held, seat, held.reseller, now)
        checked = check(table_in(held), wish, now_and_then(lambda done: said(asked, done)))
        with transaction.atomic():
            if not asked.update(state=ImportState.CHECKED, refusal="", **findings(held, checked, now)):
                return
            audit.record(
                actor=seat,
                action=Action.IMPORT_CHECKED,
                obj=held,
                reseller_id=held.reseller_id,
                changes={"rows": (None, held.row_count), "problems": (None, len(checked.problems))},
                now=now,
            )


def import_file(*, import_id: int, number: int, now: datetime) -> None:
    """Import the lines of the file, all of them or none, charge them, and erase the file.

    It is done once, however often this is called: what is imported is not being imported any more.
    """
    asked = SubscriberImport.objects.asked(import_id, ImportState.IMPORTING, number)
    with taken_up(asked, now) as held:
        if held is None:
            return
        try:
            carry_out(held, now)
        except IntegrityError:
            # Somebody took one of the names a moment ago: the second time the check finds which.
            carry_out(held, now)


@transaction.atomic
def carry_out(held: SubscriberImport, now: datetime) -> None:
    """Check the file once more while the reseller is locked, and write its lines.

    :raises Refusal: and nothing has changed.
    """
    [reseller] = locked_resellers(held.reseller_id)
    asked = SubscriberImport.objects.asked(held.pk, ImportState.IMPORTING, held.number)
    if not asked.exists():
        return
    seat = seat_of(held)
    wish = wish_of(held, seat, reseller, now)
    checked = check(table_in(held), wish, progress=lambda _done: None)
    if checked.problems:
        raise FoundWrong(checked)
    if checked.total != held.total:
        raise PriceChanged(checked.total)
    with saying_from_outside(held) as progress:
        writing = Writing(
            seat=seat,
            terms=wish.terms,
            lines=checked.lines,
            activates=held.activates,
            total=checked.total,
            detail=str(held),
            now=now,
            progress=progress,
        )
        writing.write()
    audit.record(
        actor=seat,
        action=Action.SUBSCRIBERS_IMPORTED,
        obj=held,
        reseller_id=reseller.pk,
        changes={"rows": (None, len(checked.lines)), "charged": (None, checked.total)},
        now=now,
    )
    # Not before this does the transaction hold the row: until then it is said in it how far this is.
    done = asked.update(
        state=ImportState.IMPORTED,
        imported_at=now,
        erased_at=now,
        file_ciphertext=None,
        problems_ciphertext=None,
        passwords_ciphertext=encrypted(held, "passwords", writing.generated) if writing.generated else None,
        generated_count=len(writing.generated),
        progress=len(checked.lines),
        first_username=checked.lines[0].username,
        last_username=checked.lines[-1].username,
        refusal="",
    )
    if not done:
        raise TakenBack
    with settings_in_force():
        writing.issue_papers()


def seat_of(held: SubscriberImport) -> Seat:
    """Return the seat of whoever asked.

    :raises Forbidden: where they may not import any more.
    """
    seat = seat_again(held.asker)
    if not seat.has("subscribers.import"):
        raise Forbidden(_("%(name)s may not import subscribers any more.") % {"name": seat.identity.actor_name})
    return seat


def wish_of(held: SubscriberImport, seat: Seat, reseller: Reseller, now: datetime) -> Wish:
    """Return what is to be imported, with the reseller's terms as they are now.

    :raises ResellerOutOfScope, ResellerDeleted:
    """
    if not reseller.is_in_tree_of(seat):
        raise ResellerOutOfScope
    if reseller.is_deleted:
        raise ResellerDeleted(reseller)
    return Wish(
        seat=seat,
        terms=terms_of(reseller),
        matching=held.matching,
        plan=Plan.objects.get(pk=held.plan_id) if held.plan_id else None,
        activates=held.activates,
        now=now,
    )


def findings(held: SubscriberImport, checked: Checked, now: datetime) -> dict[str, Any]:
    """Return what a check found, as the import's row keeps it."""
    return {
        "problems_ciphertext": encrypted(held, "problems", checked.problems) if checked.problems else None,
        "problem_count": len(checked.problems),
        "problem_rows": checked.problem_rows,
        "total": checked.total,
        "overdue_count": checked.overdue(now),
        "generated_count": checked.generated,
    }


# --- how far it is, and how it ended ----------------------------------------------------------------------------------


@contextmanager
def taken_up(asked: SubscriberImportQuerySet, now: datetime) -> Iterator[SubscriberImport | None]:
    """Yield the import, if this is still asked of it. Where nothing comes of it, put it back, with the reason."""
    asked.update(tries=F("tries") + 1, progress=0)
    held = asked.select_related("reseller__user").first()
    try:
        yield held
    except Refusal as refusal:
        assert held is not None
        put_back(held, refusal, now)
    except Exception:
        if held is not None and held.tries >= TRIES:
            put_back(held, Refusal(_("The worker could not finish it, and nothing was imported. Try it again.")), now)
        raise


@transaction.atomic
def put_back(held: SubscriberImport, refusal: Refusal, now: datetime) -> None:
    """Let the import be as it was before this was asked of it, and keep why nothing came of it."""
    state = ImportState(held.state)
    found = findings(held, refusal.checked, now) if isinstance(refusal, FoundWrong) else {}
    asked = SubscriberImport.objects.asked(held.pk, state, held.number)
    if asked.update(state=BEFORE[state], refusal=str(refusal)[:500], **found) and isinstance(refusal, Forbidden):
        audit.record(
            actor=held.asker,
            action=Action.REFUSED,
            obj=held,
            reseller_id=held.reseller_id,
            detail=str(refusal),
            grade=Grade.SECURITY,
            now=now,
        )


def said(asked: SubscriberImportQuerySet, done: int) -> None:
    """Say how many rows are done."""
    asked.update(progress=done)


@contextmanager
def saying_from_outside(held: SubscriberImport) -> Iterator[Progress]:
    """Yield how to say how many lines are written, by a connection of its own: what a transaction says, nobody hears.

    Where it cannot be said, it is done without.
    """
    outside = connections.create_connection(DEFAULT_DB_ALIAS)

    def say(done: int) -> None:
        try:
            with outside.cursor() as cursor:
                cursor.execute(SAY, [done, held.pk, held.number])
        except DatabaseError as problem:
            log.warning("progress of an import could not be written", extra={"reason": str(problem)})

    try:
        yield now_and_then(say)
    finally:
        outside.close()


def now_and_then(say: Progress) -> Progress:
    """Return what says it, but not each time that it is called."""
    last = 0.0

    def say_if_long_enough_ago(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SAID_EVERY:
            say(done)
            last = time.monotonic()

    return say_if_long_enough_ago
