"""Who may reach a view. Every view declares it; one without a declaration is never served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts.permissions import PERMISSIONS
from accounts.seats import Seat
from ispanel.http import to_sign_in
from ispanel.refusals import Forbidden

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


PUBLIC = "public"
DESK = "desk"
API = "api"
OWN_LOGIN = "own login"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a view asks of whoever calls it.

    :param code: the permission, or ``""`` for any signed-in login, or ``"public"``, or ``"admin"``, or ``"desk"``,
        or ``"own login"``, or ``"api"``.
    :param model: what the ``pk`` in the address names, looked up in the caller's scope.
    """

    code: str
    model: type[Model] | None = None
    before_ready: bool = False
    in_borrowed_seat: bool = True


class SignedInRequest(HttpRequest):
    """A request of a signed-in person, as views behind a policy get it."""

    seat: Seat


def public(view: View) -> View:
    """Let anybody reach the view."""
    view.policy = Policy(PUBLIC, before_ready=True)  # type: ignore[attr-defined]
    return view


def by_token(view: View) -> View:
    """Let whoever sends an API token reach the view, which looks at it by itself. Cookies count for nothing there."""
    view.policy = Policy(API, before_ready=True)  # type: ignore[attr-defined]
    return csrf_exempt(view)


def signed_in(*, before_ready: bool = False, in_borrowed_seat: bool = True) -> Callable[[View], View]:
    """Let any signed-in login reach the view.

    :param before_ready: also while a new password has to be chosen, or a second step to be set up, before all else.
    :param in_borrowed_seat: also after "Login as".
    """
    return _guarded(Policy("", None, before_ready, in_borrowed_seat))


def admin_only(view: View) -> View:
    """Let only admins reach the view, in their own seat."""
    return _guarded(Policy("admin"))(view)


def own_login_only(view: View) -> View:
    """Let only the own logins of resellers reach the view, in their own seat: none of their staff, and nobody else."""
    return _guarded(Policy(OWN_LOGIN, in_borrowed_seat=False))(view)


def desk_only(view: View) -> View:
    """Let only support staff and admins reach the view, in the seat that they have at the desk."""
    return _guarded(Policy(DESK))(view)


def requires(code: str, *, of: type[Model] | None = None, in_borrowed_seat: bool = True) -> Callable[[View], View]:
    """Let logins with the permission reach the view.

    With ``of``, the view gets the object that ``pk`` names in its place. An object outside the caller's scope does not
    exist for them (404), whatever they may do; one that they see but may not act on is refused (403).
    """
    if code not in PERMISSIONS:
        raise ValueError(f"{code} is not in the registry of permissions")
    return _guarded(Policy(code, of, in_borrowed_seat=in_borrowed_seat))


def _guarded(policy: Policy) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            if policy.model is None:
                check(request.seat, policy)
                return view(request, *args, **kwargs)
            found = visible_or_404(policy.model, request.seat, kwargs.pop("pk"))
            check(request.seat, policy)
            if not PERMISSIONS[policy.code].only_reads:
                check_actable(policy.model, request.seat, found)
            return view(request, found, *args, **kwargs)

        guarded.policy = policy  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def check(seat: Seat, policy: Policy) -> None:
    """Raise `Forbidden` unless the seat satisfies the policy."""
    if seat.is_borrowed and not policy.in_borrowed_seat:
        raise Forbidden(_("This is out of reach while you are logged in as somebody else."))
    if not satisfies(seat, policy.code):
        raise Forbidden


def satisfies(seat: Seat, code: str) -> bool:
    """Say whether the seat has what a policy's code stands for."""
    match code:
        case "":
            return True
        case "admin":
            return seat.is_admin
        case "desk":
            return seat.is_at_desk
        case "own login":
            return seat.login.is_own_login_of_reseller
    return seat.has(code)


def visible_or_404(model: type[Model], seat: Seat, pk: int) -> Model:
    """Return the row if it is in what the seat sees."""
    found: Model | None = model._default_manager.visible_to(seat).filter(pk=pk).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404
    return found


def check_actable(model: type[Model], seat: Seat, found: Model) -> None:
    """Raise `Forbidden` where the row is seen by way of a view_all only."""
    if not model._default_manager.actable_by(seat).filter(pk=found.pk).exists():  # type: ignore[attr-defined]
        raise Forbidden(_("You can see this, but not change it."))
