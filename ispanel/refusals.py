"""What a rule forbids. Every refusal reads as a sentence for the person who asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, OperationalError
from django.forms import BaseForm
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, LockNotAvailable


class Refusal(Exception):
    """An act that a rule refuses and the person can mend; nothing of it was written."""

    #: The form field that the sentence belongs to, where there is one.
    field: str | None = None


class Forbidden(Refusal):
    """An act that this person may not do at all: answered with 403 and recorded in the audit trail."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or _("Your permissions do not allow this."))


class Busy(Refusal):
    """Somebody else holds what the act needs, longer than `lock_timeout` lets it wait."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or _("Somebody else is changing this right now. Nothing was done; try again."))


def is_busy(problem: DatabaseError) -> bool:
    """Say whether the database stopped waiting for what somebody else holds, or two waited for each other."""
    return isinstance(problem.__cause__, LockNotAvailable | DeadlockDetected)


@contextmanager
def refusals_into(form: BaseForm) -> Iterator[None]:
    """Turn a refusal into the form's error, at its field where it names one; let `Forbidden` pass."""
    try:
        yield
    except Forbidden:
        raise
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except OperationalError as problem:
        if not is_busy(problem):
            raise
        form.add_error(None, str(Busy()))
