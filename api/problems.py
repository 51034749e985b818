"""What the API answers where it carries nothing out: one shape, and one code for each refusal."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError
from django.http import JsonResponse
from django.utils.translation import gettext as _
from graphql import GraphQLError, GraphQLSyntaxError

from accounts.operations import EmailTaken, UsernameTaken, WeakPassword
from accounts.operations.tokens import InvalidToken
from ispanel.money import InvalidAmount
from ispanel.refusals import Busy, Forbidden, Refusal, is_busy
from resellers.operations import AlreadyAssigned, NotAssigned, ResellerDeleted, StillInUse
from wallet.ledger import FormAlreadyUsed, InsufficientFunds, TooManyDecimals, WalletClosed

logger = logging.getLogger(__name__)

#: What is answered besides 400.
STATUSES = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "BODY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "BUSY": 503,
}
#: How many of a request's errors are told.
MOST = 10
#: For how many seconds one lets be what somebody else holds.
BUSY_FOR = 1


class Problem(Exception):
    """One error of an answer."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        path: Sequence[str | int] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.field, self.path, self.retry_after = code, field, list(path), retry_after

    @property
    def status(self) -> int:
        return STATUSES.get(self.code, 400)

    def as_json(self) -> dict[str, Any]:
        """Return the error as it is sent. What concerns the request as a whole has an empty path."""
        named = {"field": self.field} if self.field else {}
        return {"message": str(self), "path": self.path, "extensions": {"code": self.code, **named}}


def answer(problems: Sequence[Problem]) -> JsonResponse:
    """Answer with errors and no data, under the status of the first."""
    first = problems[0]
    body = {"data": None, "errors": [problem.as_json() for problem in problems[:MOST]]}
    response = JsonResponse(body, status=first.status)
    if first.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(first.retry_after)))
    if first.status == STATUSES["UNAUTHENTICATED"]:
        response["WWW-Authenticate"] = 'Bearer realm="ISPanel"'
    if first.status == STATUSES["METHOD_NOT_ALLOWED"]:
        response["Allow"] = "POST"
    return response


def invalid(sentence: str, *, field: str | None = None) -> Problem:
    """Return what is wrong with what was sent."""
    return Problem("VALIDATION_ERROR", sentence, field=field)


def not_found(sentence: str) -> Problem:
    return Problem("NOT_FOUND", sentence)


def why_kept(refusal: StillInUse) -> str:
    """Return the code of the first thing that keeps a reseller from being deleted; the sentence names them all."""
    if refusal.holdings.subscribers:
        return "HAS_ACTIVE_USERS"
    return "HAS_SUB_RESELLERS" if refusal.holdings.subs else "HAS_BALANCE"


#: The code of each refusal; of a class that is not here, that of the class it is made from.
CODES: dict[type[Exception], str | Callable[[Any], str]] = {
    InvalidToken: "UNAUTHENTICATED",
    Forbidden: "FORBIDDEN",
    Busy: "BUSY",
    EmailTaken: "EMAIL_EXISTS",
    UsernameTaken: "EMAIL_EXISTS",
    WeakPassword: "WEAK_PASSWORD",
    InvalidAmount: "INVALID_AMOUNT",
    TooManyDecimals: "INVALID_AMOUNT",
    InsufficientFunds: "INSUFFICIENT_FUNDS",
    FormAlreadyUsed: "IDEMPOTENCY_KEY_REUSED",
    ResellerDeleted: "NOT_FOUND",
    WalletClosed: "NOT_FOUND",
    AlreadyAssigned: "ALREADY_ASSIGNED",
    NotAssigned: "NOT_ASSIGNED",
    StillInUse: why_kept,
    Refusal: "VALIDATION_ERROR",
}
#: The arguments that a form has under another name.
ARGUMENTS = {
    "username": "email",
    "amount": "credit",
    "starting_balance": "credit",
    "full_name": "lastName",
    "service_groups": "serviceGroupId",
}


def problem_of(refusal: Exception, path: Sequence[str | int] = ()) -> Problem | None:
    """Return how a refusal is told; None for what is no refusal, but a fault of ours."""
    if isinstance(refusal, Problem):
        refusal.path = list(path)
        return refusal
    if isinstance(refusal, DatabaseError) and is_busy(refusal):
        refusal = Busy()
    found = next((CODES[kind] for kind in type(refusal).__mro__ if kind in CODES), None)
    if found is None:
        return None
    code = found if isinstance(found, str) else found(refusal)
    sentence = _("A reseller with this email already exists") if code == "EMAIL_EXISTS" else str(refusal)
    field = getattr(refusal, "field", None)
    return Problem(
        code,
        sentence,
        field=ARGUMENTS.get(field, field) if field else None,
        path=path,
        retry_after=BUSY_FOR if code == "BUSY" else None,
    )


def fault(problem: BaseException, request_id: str, path: Sequence[str | int] = ()) -> Problem:
    """Log what nobody foresaw, in full, and return what is said of it: nothing but where to look."""
    logger.error("the API met a fault", exc_info=problem)
    return internal_error(request_id, path)


def internal_error(request_id: str, path: Sequence[str | int] = ()) -> Problem:
    """Return what is said of a fault of ours."""
    sentence = _("Something went wrong on our side. Quote the request id %(id)s when you report it.")
    return Problem("INTERNAL_ERROR", sentence % {"id": request_id}, path=path)


def problems_of(errors: Sequence[GraphQLError], request_id: str) -> list[Problem]:
    """Return how the errors of a request are told: those of the acts, and those of the request itself."""
    found = []
    for error in errors:
        cause, path = error.original_error, error.path or ()
        if cause is None or isinstance(cause, GraphQLError):
            found.append(of_request(error))
        else:
            found.append(problem_of(cause, path) or fault(cause, request_id, path))
    return found


NO_SUCH_LEVEL = re.compile(r"'ResellerLevelName' enum|Enum 'ResellerLevelName'")
AT = re.compile(r"^Variable '\$(\w+)' has invalid (?:default )?value(?: at '?[^:]*?(\w+)'?)?: ")
NAMED_FIELD = re.compile(r"required field '(\w+)'|unknown field '([^']*)'|[Aa]rgument '(\w+)'")
#: From here on the library's sentences repeat what was sent, which may be a password.
SENT = re.compile(r"[,.] (?:but encountered error .*)?[Ff]ound:? |(?<=value): ", re.DOTALL)
NEAR = re.compile(r"(?:, found|Unexpected) \w+ ['\"].*", re.DOTALL)


def of_request(error: GraphQLError) -> Problem:
    """Return how an error in the request itself is told, without the values that were sent."""
    if NO_SUCH_LEVEL.search(error.message):
        sentence = _("There is no such level. There are BRONZE, SILVER, GOLD and PLATINUM.")
        return Problem("LEVEL_NOT_FOUND", sentence, field="level")
    if isinstance(error, GraphQLSyntaxError):
        place = error.locations[0] if error.locations else None
        where = _(" (line %(line)d, column %(column)d)") % place._asdict() if place else ""
        return invalid(NEAR.sub("", error.message).rstrip(" :.") + where + ".")
    at, named = AT.match(error.message), NAMED_FIELD.search(error.message)
    field = next(filter(None, named.groups()), None) if named else None
    begun = at[0] if at else ""
    sentence = begun + SENT.split(error.message.removeprefix(begun))[0].rstrip(".") + "."
    return invalid(sentence, field=field or (at and (at[2] or at[1])) or None)
