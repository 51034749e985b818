"""Reading what a client sent, with the fields of the pages' forms: the same rules and the same messages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import strawberry
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.seats import Seat
from api.problems import Problem, invalid
from ispanel.installation import currency
from ispanel.money import InvalidAmount, parse_amount
from wallet.ledger import ActKey

#: Of every key that a client makes up, its own UUID.
KEYS = uuid.UUID("6f1c2b54-9a0e-5c3d-8f27-4d1be0a7c911")
LONGEST_KEY = 200


def is_sent(value: Any) -> bool:
    """Say whether the argument was sent, null included."""
    return value is not strawberry.UNSET


def or_none(value: Any) -> Any:
    """Return the argument; None where it was left out."""
    return value if is_sent(value) else None


def text(value: str | None, name: str, field: forms.Field, *, code: str = "VALIDATION_ERROR") -> Any:
    """Return the text as the form's field takes it.

    :raises Problem: with the field's own message.
    """
    try:
        return field.clean(value)
    except ValidationError as problem:
        raise Problem(code, " ".join(problem.messages), field=name) from problem


def amount(value: str, name: str = "credit", *, allow_zero: bool = False) -> Decimal:
    """Return the amount of money.

    :raises Problem: with the message that stands at the field of a form.
    """
    try:
        return parse_amount(value, currency(), allow_zero=allow_zero)
    except InvalidAmount as problem:
        raise Problem("INVALID_AMOUNT", str(problem), field=name) from problem


def act_key(actor: Seat, act: str, given: str | None, contents: Mapping[str, Any]) -> ActKey | None:
    """Return the key of an act that has one effect however often it is sent; None where the client sent none.

    :raises Problem: for an empty key, or one that is too long.
    """
    if given is None:
        return None
    if not 0 < len(given) <= LONGEST_KEY:
        raise invalid(_("A key has 1 to %(most)d characters.") % {"most": LONGEST_KEY}, field="idempotencyKey")
    return ActKey(act, uuid.uuid5(KEYS, f"{actor.login.pk} {act} {given}"), contents)
