"""Where GraphQL is asked, and the page to try it on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access import SignedInRequest, by_token, signed_in
from accounts.operations import record_refusal
from accounts.operations.tokens import NoHolder, authenticate, scope_of, within_rate
from accounts.seats import TokenSeat
from api.limits import MAX_BODY, check_one_act, check_size, chosen_operation, parsed
from api.problems import Problem, answer, fault, invalid, problem_of, problems_of
from api.schema import Context, schema
from ispanel.refusals import Forbidden


@by_token
def endpoint(request: HttpRequest) -> HttpResponse:
    """Carry out one GraphQL operation for the owner of the token that was sent."""
    try:
        return executed(request)
    except Exception as problem:
        return answer([problem_of(problem) or fault(problem, request.id)])  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Asked:
    """What the body of a request asks for."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


def executed(request: HttpRequest) -> HttpResponse:
    """Answer the operation.

    :raises Problem, InvalidToken, AddressRefused: where none is carried out.
    """
    if request.method != "POST":
        raise Problem("METHOD_NOT_ALLOWED", _("Send a POST request."))
    now, origin = timezone.now(), request.origin  # type: ignore[attr-defined]
    seat = authenticate(
        bearer=bearer_of(request),
        address=origin.address,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        now=now,
    )
    check_rate(seat)
    asked = read(request)
    document = parsed(asked.query)
    operation = chosen_operation(document, asked.operation_name)
    check_size(document, asked.variables)
    check_one_act(document, operation)
    result = schema.execute_sync(
        asked.query,
        variable_values=asked.variables,
        context_value=Context(seat, now),
        operation_name=asked.operation_name,
    )
    if not result.errors:
        return JsonResponse({"data": result.data})
    for error in result.errors:
        if isinstance(error.original_error, Forbidden):
            tried = f"{request.method} {request.path} {'.'.join(map(str, error.path or ()))}"
            record_refusal(actor=seat, refusal=error.original_error, tried=tried, now=now)
    return answer(problems_of(result.errors, origin.request_id))


def bearer_of(request: HttpRequest) -> str:
    """Return the token that was sent, or nothing."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_rate(seat: TokenSeat) -> None:
    """:raises Problem: where the token has asked too often within the minute."""
    wait = within_rate(seat.token)
    if wait is not None:
        raise Problem("RATE_LIMITED", _("This token has sent too many requests. Wait a little."), retry_after=wait)


def read(request: HttpRequest) -> Asked:
    """Return what the body asks for.

    :raises Problem: where it is no JSON, too large, or asks for nothing.
    """
    if request.content_type != "application/json":
        raise Problem("UNSUPPORTED_MEDIA_TYPE", _("Send JSON, with Content-Type: application/json."))
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise Problem("BODY_TOO_LARGE", _("Send %(most)d bytes at most.") % {"most": MAX_BODY})
    try:
        body = json.loads(request.body.decode(), parse_constant=refuse_constant)
        # A lone surrogate is no text that could be kept or sent.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid(_("The body is no JSON.")) from None
    if not isinstance(body, dict):
        raise invalid(_("Send one operation at a time: an object with query, variables and operationName."))
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise invalid(_("Send the query as a text."), field="query")
    if not isinstance(variables, dict | None):
        raise invalid(_("Send the variables as an object."), field="variables")
    if not isinstance(name, str | None):
        raise invalid(_("Send the name of the operation as a text."), field="operationName")
    return Asked(query, variables or {}, name)


def refuse_constant(name: str) -> NoReturn:
    """:raises ValueError: for NaN and the like, which Python reads and JSON does not have."""
    raise ValueError(name)


#: What the playground begins with.
FIRST_QUERY = """query resellers($size: Int) {
  resellers(size: $size) {
    total
    items {
      id
      username
      email
      credit
      level
      serviceGroups { name }
    }
  }
}"""


@signed_in(in_borrowed_seat=False)
def playground(request: SignedInRequest) -> HttpResponse:
    """Show a page to try the API on, to those who may hold a token; it asks for one, whoever is signed in."""
    try:
        scope_of(request.seat.login)
    except NoHolder as refusal:
        raise Forbidden(str(refusal)) from refusal
    # Asked last, so that whoever may not see it is refused whatever they send, and that is in the trail.
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return render(request, "api/playground.html", {"query": FIRST_QUERY})
