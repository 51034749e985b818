"""Suspending a reseller and resuming it: nobody of it signs in, its subscribers stay."""

from typing import Any

import pytest
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import suspend_reseller
from subscribers.operations import add_subscriber, renew_subscriber
from tests.cast import NOW, PASSWORD, fund, group, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, rows_of, send

SUSPENDED = "This panel is suspended. Ask your provider."


def suspension_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/suspension/"


def resumption_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/resumption/"


def suspend(actor: User, reseller: Reseller, reason: str = "Unpaid since March") -> None:
    response = send(signed_in(actor), suspension_of(reseller), reason=reason)
    assert response.status_code == 303


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def sign_in(username: str, password: str = PASSWORD) -> tuple[Client, int, str]:
    client = Client()
    response = client.post("/sign-in/", {"login": username, "password": password})
    return client, response.status_code, response.content.decode()


def test_it_ends_the_sign_ins_of_the_reseller_its_staff_and_its_subs(
    asha: User, nadia: User, noora: User, sami: User, north: Reseller
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))
    inside = [signed_in(user) for user in (nadia, clerk, noora)]
    stranger = signed_in(sami)
    assert all(map(is_in, inside))

    suspend(asha, north)

    assert [client.get("/").headers.get("Location", "") for client in inside] == ["/sign-in/?next=/"] * 3
    assert is_in(stranger)
    assert not Session.objects.filter(user__in=[nadia, clerk, noora]).exists()


def test_a_session_that_was_begun_at_the_same_moment_is_out_too(nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)

    Reseller.objects.filter(pk=north.pk).update(suspended_at=NOW)

    assert not is_in(client)


def test_a_suspension_costs_no_query_of_its_own(noora: User) -> None:
    request = HttpRequest()
    request.session = signed_in(noora).session
    _loaded = dict(request.session.items())

    with CaptureQueriesContext(connection) as queries:
        assert get_user(request) == noora

    assert len(queries) == 1


@pytest.mark.parametrize("username", ["nadia", "noora"])
def test_a_right_password_is_told_why_and_a_wrong_one_learns_nothing(
    asha: User, north: Reseller, northeast: Reseller, username: str
) -> None:
    suspend(asha, north)

    _client, right, told = sign_in(username)
    _client, wrong, untold = sign_in(username, "wrong-password")

    assert (right, SUSPENDED in told) == (403, True)
    assert (wrong, SUSPENDED in untold) == (422, False)
    refused = AuditEntry.objects.filter(action=Action.REFUSED, actor_name=username).get()
    assert SUSPENDED in refused.detail


def test_resuming_brings_sign_in_back_and_no_old_session(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    old = signed_in(nadia)
    suspend(asha, north)

    response = signed_in(asha).post(resumption_of(north))

    assert response.status_code == 303
    assert not is_in(old)
    assert is_in(sign_in("nadia")[0])
    assert is_in(sign_in("noora")[0])


def test_a_sub_that_is_suspended_itself_stays_so_when_its_parent_is_resumed(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    suspend(asha, northeast)
    suspend(asha, north)

    signed_in(asha).post(resumption_of(north))

    assert is_in(sign_in("nadia")[0])
    assert sign_in("noora")[1] == 403


def test_a_parent_suspends_and_resumes_its_sub(nadia: User, northeast: Reseller) -> None:
    suspend(nadia, northeast)
    assert sign_in("noora")[1] == 403

    response = signed_in(nadia).post(resumption_of(northeast))

    assert response.status_code == 303
    assert is_in(sign_in("noora")[0])


def test_what_an_admin_suspended_its_parent_does_not_resume(asha: User, nadia: User, northeast: Reseller) -> None:
    suspend(asha, northeast)

    response = signed_in(nadia).post(resumption_of(northeast))

    assert response.status_code == 422
    assert "was suspended by your provider" in body(response)
    assert sign_in("noora")[1] == 403


def test_an_admin_takes_a_parents_suspension_over_and_the_parent_does_not_resume_it(
    asha: User, nadia: User, northeast: Reseller
) -> None:
    send(signed_in(nadia), suspension_of(northeast), reason="Too many tickets", stops_renewals=True)

    suspend(asha, northeast, "Under investigation")

    entry = AuditEntry.objects.filter(action=Action.RESELLER_SUSPENDED).latest("id")
    assert "was suspended by your provider" in body(signed_in(nadia).post(resumption_of(northeast)))
    northeast = Reseller.objects.get(pk=northeast.pk)
    assert (northeast.suspended_by, northeast.suspension_reason) == ("asha", "Under investigation")
    assert northeast.suspended_by_admin
    assert (entry.actor_name, entry.detail) == ("asha", "Under investigation")
    assert entry.changes["suspended_by"] == ["nadia", "asha"]
    assert entry.changes["suspended_by_admin"] == [False, True]
    assert entry.changes["suspension_reason"] == ["Too many tickets", "Under investigation"]
    assert None not in entry.changes["suspended_at"]
    signed_in(asha).post(resumption_of(northeast))
    assert is_in(sign_in("noora")[0])


def test_taking_over_proposes_what_was_ticked_and_audits_what_is(asha: User, nadia: User, northeast: Reseller) -> None:
    send(signed_in(nadia), suspension_of(northeast), reason="Too many tickets", stops_renewals=True)
    page: Any = signed_in(asha).get(suspension_of(northeast))
    assert page.context["form"]["stops_renewals"].value()

    signed_in(asha).post(suspension_of(northeast), {"reason": "Under investigation"})

    entry = AuditEntry.objects.filter(action=Action.RESELLER_SUSPENDED).latest("id")
    assert not Reseller.objects.get(pk=northeast.pk).stops_renewals
    assert entry.changes["stops_renewals"] == [True, False]


def test_nobody_takes_an_admins_suspension_over(asha: User, nadia: User, northeast: Reseller) -> None:
    suspend(asha, northeast)

    for user in (asha, nadia):
        again = send(signed_in(user), suspension_of(northeast), reason="again")
        assert "Northeast Net is suspended already." in body(again)
    assert Reseller.objects.get(pk=northeast.pk).suspension_reason == "Unpaid since March"


def test_an_admin_in_the_parents_seat_suspends_as_the_parent_does(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    client = in_seat_of(asha, north)

    send(client, suspension_of(northeast), reason="As they asked")

    assert "suspended already" in body(send(client, suspension_of(northeast), reason="again"))
    assert signed_in(nadia).post(resumption_of(northeast)).status_code == 303


@pytest.mark.parametrize("url_of", [suspension_of, resumption_of])
def test_strangers_subs_and_the_reseller_itself_cannot(
    url_of: object, nadia: User, noora: User, sami: User, north: Reseller, northeast: Reseller
) -> None:
    url, own = url_of(northeast), url_of(north)  # type: ignore[operator]

    assert signed_in(sami).post(url, {"reason": "x"}).status_code == 404
    assert signed_in(noora).post(url, {"reason": "x"}).status_code == 403
    assert signed_in(nadia).post(own, {"reason": "x"}).status_code == 403
    assert not Reseller.objects.suspended().exists()


def test_without_the_permission_it_is_refused(nadia: User, north: Reseller, northeast: Reseller) -> None:
    north.permission_group = group("SUPPORT")
    north.save(update_fields=["permission_group"])

    assert signed_in(nadia).post(suspension_of(northeast), {"reason": "x"}).status_code == 403


def test_it_needs_a_reason(asha: User, north: Reseller) -> None:
    response = send(signed_in(asha), suspension_of(north), reason=" ")

    assert response.status_code == 422
    assert error_at(response, "reason")
    assert not Reseller.objects.suspended().exists()


def test_it_is_refused_twice_and_resuming_too(asha: User, north: Reseller, northeast: Reseller) -> None:
    client = signed_in(asha)

    assert "North Net is not suspended." in body(client.post(resumption_of(north)))
    suspend(asha, north)
    assert "North Net is suspended already." in body(send(client, suspension_of(north), reason="again"))
    assert "suspended through North Net" in body(client.post(resumption_of(northeast)))


def test_both_acts_are_in_the_trail_with_reason_old_and_new(asha: User, north: Reseller) -> None:
    client = signed_in(asha)

    send(client, suspension_of(north), reason="Unpaid since March", stops_renewals=True)
    client.post(resumption_of(north))

    resumed, suspended = AuditEntry.objects.filter(object_type="reseller", object_id=north.pk).order_by("-id")[:2]
    assert (suspended.action, suspended.detail) == (Action.RESELLER_SUSPENDED, "Unpaid since March")
    assert suspended.changes["stops_renewals"] == [False, True]
    assert suspended.changes["suspended_at"][0] is None
    assert resumed.action == Action.RESELLER_RESUMED
    assert resumed.changes["suspended_at"] == suspended.changes["suspended_at"][::-1]
    assert resumed.changes["stops_renewals"] == [True, False]
    assert suspended.reseller_id == resumed.reseller_id == north.pk


def test_the_tick_is_kept_for_the_renewals_that_are_to_come_and_promises_no_more(asha: User, north: Reseller) -> None:
    client = signed_in(asha)

    assert "The panel renews nobody by itself yet" in body(client.get(suspension_of(north)))
    send(client, suspension_of(north), reason="x", stops_renewals=True)

    assert Reseller.objects.get(pk=north.pk).stops_renewals


def test_its_subscribers_are_untouched_and_an_admin_still_adds_and_renews(
    asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "100", actor=asha)
    line = add_subscriber(
        actor=seat_of(asha), reseller=north, plan=home, username="line", password="line-password", now=NOW
    )
    suspend(asha, north)

    renew_subscriber(actor=seat_of(asha), subscriber_id=line.pk, now=NOW)
    add_subscriber(actor=seat_of(asha), reseller=north, plan=home, username="more", password="more-password", now=NOW)

    assert line.renewals.count() == 2
    assert north.subscribers.kept().count() == 2


# --- borrowed seats ---------------------------------------------------------------------------------------------------


def in_seat_of(user: User, reseller: Reseller) -> Client:
    client = signed_in(user)
    client.post(f"/resellers/{reseller.pk}/seats/", {"reason": "to look"})
    return client


def whose(client: Client) -> str:
    response = client.get("/")
    return response.wsgi_request.seat.user.username if response.status_code == 200 else ""


def test_an_admin_still_logs_in_as_a_suspended_reseller(asha: User, north: Reseller, northeast: Reseller) -> None:
    suspend(asha, north)

    assert whose(in_seat_of(asha, north)) == "nadia"
    assert whose(in_seat_of(asha, northeast)) == "noora"


@pytest.mark.parametrize("by", ["asha", "nadia"])
def test_a_parent_does_not_log_in_as_a_suspended_sub_whoever_suspended_it(
    asha: User, nadia: User, northeast: Reseller, by: str
) -> None:
    seats = f"/resellers/{northeast.pk}/seats/"
    client = signed_in(nadia)
    assert seats in links_of(client.get("/resellers/"))
    suspend({"asha": asha, "nadia": nadia}[by], northeast)

    response = client.post(seats, {"reason": "to look"})

    assert response.status_code == 403
    assert "This panel is suspended: only an admin can log in to it." in body(response)
    assert whose(client) == "nadia"
    for user, offered in ((nadia, False), (asha, True)):
        for url in ("/resellers/", f"/resellers/{northeast.pk}/"):
            assert (seats in links_of(signed_in(user).get(url))) is offered, (user, url)


def test_a_parent_in_the_seat_of_its_sub_is_led_back_when_that_is_suspended(
    asha: User, nadia: User, northeast: Reseller
) -> None:
    client = in_seat_of(nadia, northeast)
    assert whose(client) == "noora"

    suspend(asha, northeast)

    assert client.get("/resellers/").status_code == 302
    assert "You may no longer be in the other panel." in body(client.get("/resellers/"))
    assert whose(client) == "nadia"


def test_suspending_the_parent_puts_it_out_of_the_seat_of_its_sub(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    client = in_seat_of(nadia, northeast)
    assert whose(client) == "noora"

    suspend(asha, north)

    assert whose(client) == ""
    assert Client().get("/").headers["Location"] == client.get("/").headers["Location"]


def test_an_admin_in_the_seat_stays_in_it_when_it_is_suspended(asha: User, north: Reseller) -> None:
    client = in_seat_of(asha, north)

    suspend(asha, north)

    assert whose(client) == "nadia"


# --- pages ------------------------------------------------------------------------------------------------------------


def test_its_page_says_who_suspended_it_why_and_through_whom(asha: User, north: Reseller, northeast: Reseller) -> None:
    suspend(asha, north, "Unpaid since March")
    client = signed_in(asha)

    own, of_sub = body(client.get(f"/resellers/{north.pk}/")), body(client.get(f"/resellers/{northeast.pk}/"))

    assert "Suspended by asha" in own
    assert "Unpaid since March" in own
    assert "Suspended through North Net" in of_sub


def test_the_list_has_a_tab_of_the_suspended_that_equals_its_count(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    suspend(asha, north)

    response = signed_in(asha).get("/resellers/?view=suspended")

    assert ("suspended", 2) in [(key, count) for key, _label, count in response.context["tabs"]]
    assert [(row[0].split()[0], row[1]) for row in rows_of(response)] == [
        ("North", "Suspended"),
        ("Northeast", "Suspended"),
    ]


def test_the_menu_offers_to_suspend_or_to_resume(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    assert suspension_of(north) in client.get("/resellers/").content.decode()

    suspend_reseller(actor=seat_of(asha), reseller_id=north.pk, reason="x", now=NOW)

    page = client.get(f"/resellers/{north.pk}/").content.decode()
    assert resumption_of(north) in page
    assert suspension_of(north) not in page


def test_an_admin_is_offered_to_suspend_what_a_parent_suspended(asha: User, nadia: User, northeast: Reseller) -> None:
    suspend(nadia, northeast)

    for user, offered in ((asha, True), (nadia, False)):
        links = links_of(signed_in(user).get(f"/resellers/{northeast.pk}/"))
        assert resumption_of(northeast) in links
        assert (suspension_of(northeast) in links) is offered, user
