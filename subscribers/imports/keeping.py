"""What is kept of a file, encrypted: its text, what the check found in it, and the passwords that were generated.

It is erased when the lines are there, or after a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from ispanel import crypto
from ispanel.refusals import Refusal
from subscribers.import_models import BEFORE, KEPT_FOR, SubscriberImport, SubscriberImportQuerySet
from subscribers.imports.checking import Problem
from subscribers.imports.reading import Row, Table, table_of


class FileGone(Refusal):
    """The file was erased, or it was encrypted under a key that is no longer there."""

    def __init__(self) -> None:
        super().__init__(_("The file is not kept any more. Upload it again."))


def encrypted(held: SubscriberImport, what: str, contents: Any) -> bytes:
    """Return the contents as the import's row keeps them under this name."""
    return crypto.encrypt(json.dumps(contents), purpose=held.purpose_of(what))


def decrypted(held: SubscriberImport, what: str) -> Any:
    """Return what the import's row keeps under this name.

    :raises FileGone:
    """
    ciphertext = getattr(held, f"{what}_ciphertext")
    if ciphertext is None:
        raise FileGone
    try:
        return json.loads(crypto.decrypt(ciphertext, purpose=held.purpose_of(what)))
    except crypto.Undecryptable as problem:
        raise FileGone from problem


def table_in(held: SubscriberImport) -> Table:
    """:raises FileGone:"""
    return table_of(decrypted(held, "file"))


def problems_in(held: SubscriberImport) -> list[Problem]:
    """Return what the last check found, in the order of the rows.

    :raises FileGone:
    """
    return [Problem(*each) for each in decrypted(held, "problems")] if held.problem_count else []


def rows_with_problems(held: SubscriberImport) -> Iterator[tuple[Row, list[Problem]]]:
    """Yield the file's rows that something is wrong with, and what.

    :raises FileGone:
    """
    found: dict[int, list[Problem]] = {}
    for problem in problems_in(held):
        found.setdefault(problem.row, []).append(problem)
    return ((row, found[row.number]) for row in table_in(held).rows() if row.number in found)


def generated_in(held: SubscriberImport) -> list[tuple[str, str]]:
    """Return username and password of those whose password was generated.

    :raises FileGone:
    """
    return [(username, password) for username, password in decrypted(held, "passwords")]


@transaction.atomic
def erase_old_files(*, now: datetime) -> None:
    """Erase what holds passwords and is older than a day, and put back what no worker finished within an hour."""
    rows = SubscriberImport.objects.get_queryset()
    sentence = _("The worker did not get to it within an hour, so nothing was done. Try it again.")
    for state, before in BEFORE.items():
        rows.given_up(now).filter(state=state).update(state=before, refusal=sentence)
    erase(rows.waiting().filter(uploaded_at__lt=now - KEPT_FOR), now)
    rows.filter(imported_at__lt=now - KEPT_FOR, passwords_ciphertext__isnull=False).update(passwords_ciphertext=None)


def erase(rows: SubscriberImportQuerySet, now: datetime) -> None:
    """Erase the files of these imports, and what was found in them."""
    rows.update(file_ciphertext=None, problems_ciphertext=None, erased_at=now)
