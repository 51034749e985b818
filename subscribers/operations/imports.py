"""Importing subscribers from files: uploading one, having it checked, having it imported, and taking out what it left.

The worker does the check and the import: `subscribers.imports.working`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.jobs import enqueue
from ispanel.refusals import Forbidden, Refusal
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import ResellerDeleted
from subscribers import tasks
from subscribers.import_models import ImportState, SubscriberImport
from subscribers.imports.checking import Problem
from subscribers.imports.fields import check_matching
from subscribers.imports.keeping import FileGone, encrypted, erase, generated_in, rows_with_problems
from subscribers.imports.reading import Row, count_rows, read
from subscribers.operations.details import ResellerOutOfScope

#: How many files of one person are kept that were not imported.
KEPT_AT_MOST = 5


class BeingDone(Refusal):
    """The worker has it in hand, or it is done."""

    def __init__(self, held: SubscriberImport) -> None:
        sentences = {
            ImportState.CHECKING: _("This file is being checked. Wait until that is done."),
            ImportState.IMPORTING: _("This file is being imported. Wait until that is done."),
            ImportState.IMPORTED: _("This file is imported."),
        }
        super().__init__(sentences[ImportState(held.state)])


class NotChecked(Refusal):
    """Something is wrong with the file, or it was not checked as it is now."""

    def __init__(self) -> None:
        super().__init__(_("Only a file that was checked, and that nothing is wrong with, can be imported. Check it."))


@transaction.atomic
def upload_file(*, actor: Seat, reseller: Reseller, file_name: str, content: bytes, now: datetime) -> SubscriberImport:
    """Keep a file of subscribers of the reseller, encrypted, to be matched, checked and imported.

    Of one person so many are kept that were not imported; the oldest one goes.

    :raises UnusableFile, ResellerOutOfScope, ResellerDeleted:
    """
    if not reseller.is_in_tree_of(actor):
        raise ResellerOutOfScope
    if reseller.is_deleted:
        raise ResellerDeleted(reseller)
    table = read(content)
    held = SubscriberImport(
        reseller=reseller,
        login_id=actor.login.pk,
        panel_id=actor.user.pk,
        uploaded_by=actor.identity.spoken[:254],
        uploaded_at=now,
        file_name=file_name[-200:],
        columns=table.columns,
        row_count=count_rows(table),
    )
    held.file_ciphertext = encrypted(held, "file", table.text)
    held.save(force_insert=True)
    rows = SubscriberImport.objects.get_queryset()
    newest = rows.waiting().filter(login_id=actor.login.pk).order_by("-pk")
    erase(rows.filter(pk__in=list(newest.values_list("pk", flat=True)[KEPT_AT_MOST:])), now)
    return held


@transaction.atomic
def ask_for_check(
    *,
    actor: Seat,
    import_id: int,
    matching: Sequence[str],
    plan: Plan | None,
    activates: bool,
    now: datetime,
) -> SubscriberImport:
    """Have the worker check the file, with its columns matched like this.

    :param matching: for each column the name of a field, or nothing.
    :param plan: for rows that name none.
    :raises Forbidden, FileGone, BeingDone, UnusableMatching:
    """
    held = locked(actor, import_id)
    if held.is_running or held.is_imported:
        raise BeingDone(held)
    check_matching(matching, seat=actor, has_plan=plan is not None, activates=activates)
    if len(matching) != len(held.columns):
        raise Forbidden
    held.matching, held.plan, held.activates = list(matching), plan, activates
    held.problem_count = held.problem_rows = 0
    held.problems_ciphertext = None
    ask(held, ImportState.CHECKING, actor, now)
    enqueue(tasks.check_import, lane=tasks.lane_of(held.reseller_id), import_id=held.pk, number=held.number)
    return held


@transaction.atomic
def ask_for_import(*, actor: Seat, import_id: int, number: int, now: datetime) -> SubscriberImport:
    """Have the worker import the file that was checked. Asked for twice, it is done once.

    :param number: which check the person was shown.
    :raises Forbidden, FileGone, BeingDone, NotChecked:
    """
    held = locked(actor, import_id)
    if held.state in (ImportState.IMPORTING, ImportState.IMPORTED):
        return held
    if held.is_running:
        raise BeingDone(held)
    if not held.can_be_imported or held.number != number:
        raise NotChecked
    ask(held, ImportState.IMPORTING, actor, now)
    enqueue(tasks.import_subscribers, lane=tasks.lane_of(held.reseller_id), import_id=held.pk, number=held.number)
    return held


def locked(actor: Seat, import_id: int) -> SubscriberImport:
    """Return the import, locked.

    :raises Forbidden: where it is not the actor's.
    :raises FileGone: where its file was erased without having been imported.
    """
    rows = SubscriberImport.objects.actable_by(actor).select_for_update(no_key=True, of=("self",))
    held = rows.filter(pk=import_id).first()
    if held is None:
        raise Forbidden
    if held.is_left:
        raise FileGone
    return held


def ask(held: SubscriberImport, state: ImportState, actor: Seat, now: datetime) -> None:
    """Write down what is asked of the worker, and by whom."""
    held.state, held.number, held.tries, held.progress, held.refusal = state, held.number + 1, 0, 0, ""
    held.asker, held.asked_at = actor.identity, now
    held.save(
        update_fields=[
            "state", "number", "tries", "progress", "refusal", "asked_by", "asked_at", "matching", "plan", "activates",
            *(("problem_count", "problem_rows", "problems_ciphertext") if state == ImportState.CHECKING else ()),
        ]
    )  # fmt: skip


@transaction.atomic
def take_out_rows(*, actor: Seat, import_id: int, now: datetime) -> list[tuple[Row, list[Problem]]]:
    """Return the rows that something is wrong with, and what, for whoever uploaded them; the trail is told.

    :raises Forbidden, FileGone: also where nothing was found to be wrong.
    """
    held = locked(actor, import_id)
    found = list(rows_with_problems(held))
    if not found:
        raise FileGone
    tell_taken_out(actor, held, Action.IMPORT_ROWS_TAKEN, len(found), now)
    return found


@transaction.atomic
def take_out_passwords(*, actor: Seat, import_id: int, now: datetime) -> list[tuple[str, str]]:
    """Return username and password of the lines whose password was generated, for whoever uploaded the file.

    :raises Forbidden, FileGone:
    """
    held = locked(actor, import_id)
    passwords = generated_in(held)
    tell_taken_out(actor, held, Action.IMPORT_PASSWORDS_TAKEN, len(passwords), now)
    return passwords


def tell_taken_out(actor: Seat, held: SubscriberImport, action: Action, count: int, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        obj=held,
        reseller_id=held.reseller_id,
        changes={"rows": (None, count)},
        grade=Grade.SECURITY,
        now=now,
    )
