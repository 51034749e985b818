"""Every view says who may reach it; what says nothing is never served."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from accounts.access import admin_only, public, requires, signed_in
from accounts.middleware import SeatMiddleware
from accounts.models import User
from accounts.operations import enter_seat
from accounts.seats import Seat
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from tests.cast import NOW, group, make_staff, seat_of


def answer(request: HttpRequest, *found: Any) -> HttpResponse:
    """Answer with the name of what the policy fetched."""
    return HttpResponse(str(found[0]) if found else "served")


def ask(view: Any, who: User | Seat | None, **arguments: Any) -> str:
    """Call the view as somebody and return what it answers."""
    request = RequestFactory().get("/somewhere/")
    if who is None:
        request.user = AnonymousUser()
    else:
        seat = who if isinstance(who, Seat) else seat_of(who)
        request.user, request.seat = seat.login, seat
    response = view(request, **arguments)
    return response.headers.get("Location") or response.content.decode()


def test_a_view_without_a_policy_is_never_served(db: None) -> None:
    with pytest.raises(ImproperlyConfigured, match="answer declares no policy of access"):
        SeatMiddleware(answer).process_view(RequestFactory().get("/"), answer, (), {})


@pytest.mark.parametrize(
    "policy", [signed_in(), admin_only, requires("plans.view"), requires("resellers.view", of=Reseller)]
)
def test_strangers_are_led_to_the_sign_in(db: None, policy: Any) -> None:
    assert ask(policy(answer), None).endswith("?next=/somewhere/")


def test_a_public_view_is_for_anybody(db: None) -> None:
    assert ask(public(answer), None) == "served"


def test_a_permission_is_asked_for(nadia: User, petra: User) -> None:
    view = requires("resellers.create")(answer)

    assert ask(view, nadia) == "served"
    with pytest.raises(Forbidden, match="Your permissions do not allow this"):
        ask(view, petra)


def test_a_permission_that_is_not_in_the_registry_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not in the registry"):
        requires("resellers.fly")


def test_only_admins_reach_what_is_theirs(asha: User, nadia: User) -> None:
    assert ask(admin_only(answer), asha) == "served"
    with pytest.raises(Forbidden):
        ask(admin_only(answer), nadia)


def test_an_admin_in_anothers_seat_does_not_reach_what_is_for_admins(asha: User, nadia: User) -> None:
    seat = enter_seat(actor=seat_of(asha), user=seat_of(nadia).user, reason="", now=NOW)

    with pytest.raises(Forbidden):
        ask(admin_only(answer), seat)


def test_what_is_not_for_a_borrowed_seat_is_out_of_reach_in_one(asha: User, nadia: User) -> None:
    seat = enter_seat(actor=seat_of(asha), user=seat_of(nadia).user, reason="", now=NOW)

    with pytest.raises(Forbidden, match="while you are logged in as somebody else"):
        ask(signed_in(in_borrowed_seat=False)(answer), seat)
    assert ask(signed_in()(answer), seat) == "served"


READS, ACTS = requires("resellers.view", of=Reseller)(answer), requires("resellers.edit", of=Reseller)(answer)


def test_an_object_in_the_own_scope_is_fetched(asha: User, nadia: User, northeast: Reseller) -> None:
    for who in (asha, nadia):
        assert ask(READS, who, pk=northeast.pk) == ask(ACTS, who, pk=northeast.pk) == "Northeast Net"


@pytest.mark.parametrize("view", [READS, ACTS])
def test_a_strangers_object_does_not_exist(sami: User, petra: User, noora: User, north: Reseller, view: Any) -> None:
    for who in (sami, petra, noora):
        with pytest.raises(Http404):
            ask(view, who, pk=north.pk)


def test_an_object_that_is_not_there_does_not_exist(asha: User) -> None:
    with pytest.raises(Http404):
        ask(READS, asha, pk=10**9)


def test_what_is_visible_may_still_not_be_allowed(asha: User, north: Reseller, northeast: Reseller) -> None:
    helper = make_staff(asha, north, "zeina", group("PARTNER"))

    assert ask(READS, helper, pk=northeast.pk) == "Northeast Net"
    with pytest.raises(Forbidden):
        ask(ACTS, helper, pk=northeast.pk)


def test_what_is_seen_by_a_view_all_is_not_changed(noor: User, partner: Reseller, north: Reseller) -> None:
    of_partner = partner.permission_group
    assert of_partner is not None
    of_partner.codes.append("resellers.edit")
    of_partner.save(update_fields=["codes"])

    assert ask(READS, noor, pk=north.pk) == "North Net"
    with pytest.raises(Forbidden, match="You can see this, but not change it"):
        ask(ACTS, noor, pk=north.pk)
