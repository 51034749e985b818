"""Making and revoking API tokens: on the pages and on the command line, by whom, and who cannot."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import operations
from accounts.models import ApiToken, Session, TokenScope, User, UserType
from accounts.operations import authenticate
from accounts.operations.tokens import MOST_IN_FORCE
from accounts.seats import Seat
from accounts.sessions import SessionStore
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from ispanel.refusals import Forbidden
from resellers import operations as resellers
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, group, make_admin, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, rows_of, send
from tests.threads import at_once

SETTINGS, OWN = "/settings/api-tokens/", "/account/api-tokens/"
BEARER = re.compile(r"isp_[0-9A-Za-z]{49}")


@pytest.fixture(autouse=True)
def _committing(committing: None) -> None:
    """Let all of these commit: the own password is confirmed in a transaction of its own."""


def make(owner: User, **details: Any) -> operations.NewToken:
    wanted = {"name": "Shop", "days": 90, "own_password": PASSWORD, "now": timezone.now()} | details
    return operations.create_own_token(actor=seat_of(owner), **wanted)


def create(client: Client, url: str, **typed: Any) -> HttpResponse:
    return send(client, f"{url}new", **{"name": "Shop", "days": "30", "own_password": PASSWORD} | typed)


def bearer_on(response: HttpResponse) -> str:
    """Return the token that the page shows."""
    [found] = set(BEARER.findall(response.content.decode()))
    return found


def seat_with(bearer: str) -> Seat:
    return authenticate(bearer=bearer, address="203.0.113.9", user_agent="", request_id="", now=timezone.now())


# --- making one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "page", "scope"), [("asha", SETTINGS, "admin"), ("nadia", OWN, "reseller"), ("noora", OWN, "reseller")]
)
def test_a_token_is_made_for_oneself_and_shown_once(
    who: str, page: str, scope: str, request: pytest.FixtureRequest
) -> None:
    login: User = request.getfixturevalue(who)
    client = signed_in(login)

    response = create(client, page, allowed_ips="203.0.113.9, 10.0.0.5/24")

    bearer, token = bearer_on(response), ApiToken.objects.get()
    assert response["Cache-Control"] == "no-store"
    assert (token.owner, token.scope, token.name) == (login, scope, "Shop")
    assert token.expires_at - token.created_at == timedelta(days=30)
    assert seat_with(bearer).login == login
    assert not BEARER.search(client.get(page).content.decode())
    assert rows_of(client.get(page))[0][0] == f"Shop {bearer[:10]}…"


def test_making_one_is_recorded_without_the_token(nadia: User, north: Reseller) -> None:
    bearer = bearer_on(create(signed_in(nadia), OWN, allowed_ips="203.0.113.9"))

    entry, token = AuditEntry.objects.get(action=Action.API_TOKEN_CREATED), ApiToken.objects.get()
    assert (entry.actor_name, entry.reseller_id, entry.grade) == ("nadia", north.pk, "security")
    assert entry.object_name == f"Shop ({bearer[:10]}…)"
    assert entry.changes == {
        "owner": [None, "nadia"],
        "scope": [None, "reseller"],
        "expires_at": [None, token.expires_at.isoformat()],
        "allowed_ips": [None, ["203.0.113.9"]],
    }


def test_neither_session_nor_message_holds_the_token(nadia: User) -> None:
    client = signed_in(nadia)

    bearer = bearer_on(create(client, OWN))

    kept = [SessionStore().decode(row.session_data) for row in Session.objects.all()]
    assert kept
    assert bearer not in str(kept)
    assert bearer not in str(client.cookies)


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"own_password": "wrong-password"}, "own_password", "This is not your password."),
        ({"own_password": ""}, "own_password", "This field is required."),
        ({"name": " "}, "name", "This field is required."),
        ({"days": "0"}, "days", "A token lasts 1 to 365 days."),
        ({"days": "366"}, "days", "A token lasts 1 to 365 days."),
        ({"days": "x"}, "days", "Enter a whole number."),
        (
            {"allowed_ips": "203.0.113.9, shop"},
            "allowed_ips",
            "“shop” is no IP address and no CIDR block, as in 203.0.113.7 or 10.0.0.0/24.",
        ),
    ],
)
def test_what_is_typed_wrong_makes_no_token(typed: dict[str, str], field: str, message: str, nadia: User) -> None:
    response = create(signed_in(nadia), OWN, **typed)

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert not ApiToken.objects.exists()


def test_a_wrong_password_is_recorded(nadia: User) -> None:
    create(signed_in(nadia), OWN, own_password="wrong-password")

    [entry] = AuditEntry.objects.filter(action=Action.REFUSED)
    assert entry.detail == "Confirming the own password: This is not your password."


def test_a_login_has_twenty_tokens_at_most(nadia: User) -> None:
    made = [make(nadia) for _number in range(MOST_IN_FORCE)]

    response = create(signed_in(nadia), OWN)
    assert "A login has 20 API tokens in force at most." in body(response)
    assert ApiToken.objects.count() == MOST_IN_FORCE

    operations.revoke_token(actor=seat_of(nadia), token_id=made[0].token.pk, now=timezone.now())
    assert bearer_on(create(signed_in(nadia), OWN))


def test_two_tokens_made_at_once_are_both_counted(nadia: User) -> None:
    for _number in range(MOST_IN_FORCE - 1):
        make(nadia)
    login, now = User.objects.with_rights().get(pk=nadia.pk), timezone.now()

    def one_more() -> None:
        operations.create_token(
            actor=Seat.own(login), owner=login, scope=TokenScope.RESELLER, name="Shop", days=1, now=now
        )

    at_once(one_more, one_more)

    assert ApiToken.objects.count() == MOST_IN_FORCE


def test_the_database_knows_no_token_that_lasts_longer_or_has_another_scope(nadia: User) -> None:
    wanted = {"owner": nadia, "name": "Shop", "scope": "reseller", "digest": b"x", "prefix": "isp_", "created_at": NOW}
    for wrong in (
        {"expires_at": NOW + timedelta(days=365, seconds=1)},
        {"expires_at": NOW},
        {"expires_at": NOW + timedelta(days=1), "scope": "everything"},
        {"expires_at": NOW + timedelta(days=1), "revoked_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.create(**wanted | wrong)


# --- who makes none ---------------------------------------------------------------------------------------------------


def test_staff_have_no_tokens(asha: User, north: Reseller, petra: User) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))

    for login in (clerk, petra):
        client = signed_in(login)
        assert client.get(OWN).status_code == client.get(f"{OWN}new").status_code == 403
        assert client.get(SETTINGS).status_code == 403
        assert not {OWN, SETTINGS} & links_of(client.get("/account/"))
        with pytest.raises(Forbidden, match="Only admins, and resellers’ own logins, have API tokens"):
            make(login)


def test_a_borrowed_seat_reaches_no_tokens(asha: User, nadia: User, north: Reseller) -> None:
    made = make(nadia)
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to see"})
    borrowed = operations.enter_seat(actor=seat_of(asha), user=nadia, reason="to see", now=timezone.now())

    for url in (OWN, f"{OWN}new", f"{OWN}{made.token.pk}/revocation/", SETTINGS):
        assert client.get(url).status_code == 403
    with pytest.raises(Forbidden):
        operations.create_own_token(actor=borrowed, name="Shop", days=1, own_password=PASSWORD, now=timezone.now())
    with pytest.raises(Forbidden):
        operations.revoke_token(actor=borrowed, token_id=made.token.pk, now=timezone.now())


def test_a_token_neither_makes_nor_revokes_tokens(asha: User) -> None:
    seat = seat_with(make(asha).bearer)

    with pytest.raises(Forbidden, match="API tokens are made and revoked in the panel"):
        operations.create_own_token(actor=seat, name="Shop", days=1, own_password=PASSWORD, now=timezone.now())
    with pytest.raises(Forbidden, match="API tokens are made and revoked in the panel"):
        operations.revoke_token(actor=seat, token_id=ApiToken.objects.get().pk, now=timezone.now())


def test_no_reseller_makes_an_admins_token(nadia: User) -> None:
    assert signed_in(nadia).get(f"{SETTINGS}new").status_code == 403
    with pytest.raises(operations.NoHolder):
        operations.create_token(
            actor=seat_of(nadia), owner=nadia, scope=TokenScope.ADMIN, name="Shop", days=1, now=timezone.now()
        )


# --- the lists --------------------------------------------------------------------------------------------------------


def test_an_admin_sees_the_tokens_of_all(asha: User, nadia: User, sami: User) -> None:
    for login, name in ((asha, "CRM"), (nadia, "North’s shop"), (sami, "South’s shop")):
        make(login, name=name)
    client = signed_in(asha)

    assert [row[2] for row in rows_of(client.get(SETTINGS))] == [
        "South Net Scope reseller",
        "North Net Scope reseller",
        "asha Scope admin",
    ]
    assert [row[2] for row in rows_of(client.get(f"{SETTINGS}?scope=admin"))] == ["asha Scope admin"]
    assert [row[2] for row in rows_of(client.get(f"{SETTINGS}?q=north"))] == ["North Net Scope reseller"]


def test_a_reseller_sees_its_own_tokens_alone(nadia: User, sami: User, noora: User) -> None:
    make(sami, name="South’s shop")
    make(noora, name="Northeast’s shop")

    response = signed_in(nadia).get(OWN)

    assert "shop" not in body(response)
    assert "No API tokens yet" in body(response)


def test_the_list_says_whether_a_token_counts(asha: User, nadia: User, sami: User, south: Reseller) -> None:
    now = timezone.now()
    make(asha, name="fresh")
    make(asha, name="ending", days=7)
    make(asha, name="over", days=1, now=now - timedelta(days=2))
    revoked = make(asha, name="gone")
    make(sami, name="resting")
    operations.revoke_token(actor=seat_of(asha), token_id=revoked.token.pk, now=now)
    resellers.suspend_reseller(actor=seat_of(asha), reseller_id=south.pk, reason="unpaid", now=now)
    client = signed_in(asha)

    shown = {row[0].split()[0]: row[1] for row in rows_of(client.get(SETTINGS))}

    assert shown.pop("gone").startswith("Revoked")
    assert shown == {
        "fresh": "In force",
        "ending": "Ends soon",
        "over": "Expired",
        "resting": "At rest The login’s reseller is suspended, or its parent is.",
    }
    views = {view: {row[0].split()[0] for row in rows_of(client.get(f"{SETTINGS}?view={view}"))} for view in VIEWS}
    assert views == {"in_force": {"fresh", "ending", "resting"}, "expired": {"over"}, "revoked": {"gone"}}


VIEWS = ("in_force", "expired", "revoked")


def test_the_list_says_so_where_the_owner_needs_a_second_step(asha: User) -> None:
    make(asha)
    client = signed_in(asha)
    PanelSettings.objects.update(two_step_for=[UserType.RESELLER.value])
    assert rows_of(client.get(SETTINGS))[0][1] == "In force"

    make_admin("amal")
    PanelSettings.objects.update(two_step_for=[UserType.ADMIN.value])
    token = ApiToken.objects.for_list().get()

    assert operations.why_at_rest(token, timezone.now()) == "The login has to set up two-step sign-in first."


def test_the_list_says_when_and_from_where_a_token_was_used(nadia: User) -> None:
    made = make(nadia)
    client = signed_in(nadia)
    assert rows_of(client.get(OWN))[0][3] == "Never"

    seat_with(made.bearer)

    assert rows_of(client.get(OWN))[0][3].endswith("203.0.113.9")


def test_the_list_costs_the_same_however_many_there_are(asha: User, nadia: User, sami: User) -> None:
    client = signed_in(asha)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(SETTINGS).status_code == 200
        return len(captured)

    make(asha)
    few = queries()
    for login in (asha, nadia, sami) * 3:
        make(login)

    assert queries() == few <= 10


# --- revoking ---------------------------------------------------------------------------------------------------------


def test_an_owner_revokes_a_token_at_once(nadia: User, north: Reseller) -> None:
    made = make(nadia)

    response = signed_in(nadia).post(f"{OWN}{made.token.pk}/revocation/")

    assert response.status_code == 303
    with pytest.raises(operations.InvalidToken):
        seat_with(made.bearer)
    entry = AuditEntry.objects.get(action=Action.API_TOKEN_REVOKED)
    assert (entry.actor_name, entry.object_name, entry.reseller_id) == ("nadia", str(made.token), north.pk)


def test_an_admin_revokes_anybodys(asha: User, nadia: User, north: Reseller) -> None:
    made = make(nadia)

    signed_in(asha).post(f"{SETTINGS}{made.token.pk}/revocation/")

    token = ApiToken.objects.get()
    assert token.revoked_at
    assert token.revoked_by == "asha"
    entry = AuditEntry.objects.get(action=Action.API_TOKEN_REVOKED)
    assert (entry.actor_name, entry.reseller_id) == ("asha", north.pk)


def test_south_cannot_revoke_norths(nadia: User, sami: User, noora: User) -> None:
    made = make(nadia)

    for login in (sami, noora):
        assert signed_in(login).post(f"{OWN}{made.token.pk}/revocation/").status_code == 404
        assert signed_in(login).post(f"{SETTINGS}{made.token.pk}/revocation/").status_code == 403
        with pytest.raises(Forbidden):
            operations.revoke_token(actor=seat_of(login), token_id=made.token.pk, now=timezone.now())

    assert seat_with(made.bearer)


def test_a_parent_cannot_revoke_its_subs(nadia: User, noora: User) -> None:
    made = make(noora)

    assert signed_in(nadia).post(f"{OWN}{made.token.pk}/revocation/").status_code == 404


def test_revoking_twice_is_once(asha: User, nadia: User) -> None:
    made = make(nadia)
    for login in (nadia, asha):
        operations.revoke_token(actor=seat_of(login), token_id=made.token.pk, now=timezone.now())

    assert ApiToken.objects.get().revoked_by == "nadia"
    assert AuditEntry.objects.filter(action=Action.API_TOKEN_REVOKED).count() == 1


# --- what else says so ------------------------------------------------------------------------------------------------


def test_the_account_leads_to_the_tokens_of_those_who_have_some(asha: User, nadia: User) -> None:
    assert SETTINGS in links_of(signed_in(asha).get("/account/"))
    assert OWN in links_of(signed_in(nadia).get("/account/"))


def test_choosing_a_password_says_that_the_tokens_stay_in_force(nadia: User) -> None:
    client = signed_in(nadia)
    assert "API token" not in body(client.get("/account/password/"))

    make(nadia)
    make(nadia)

    assert "2 API tokens of yours stay in force." in body(client.get("/account/password/"))


# --- the command line -------------------------------------------------------------------------------------------------


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def test_the_command_prints_the_token_alone(asha: User) -> None:
    printed = command("asha", "--scope=admin", "--name=CRM", "--days=365", "--allowed-ips=203.0.113.0/24")

    assert BEARER.fullmatch(printed)
    seat = seat_with(printed)
    assert seat.is_admin
    entry = AuditEntry.objects.get(action=Action.API_TOKEN_CREATED)
    assert (entry.actor_name, entry.changes["owner"]) == ("system", [None, "asha"])


def test_the_command_makes_a_resellers_token_too(nadia: User) -> None:
    printed = command("nadia", "--scope=reseller", "--name=Shop", "--days=1")

    assert not seat_with(printed).is_admin


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "--scope=admin", "--name=CRM", "--days=1"), "There is no login named nobody."),
        (("nadia", "--scope=admin", "--name=CRM", "--days=1"), "Admins hold tokens of the scope admin"),
        (("petra", "--scope=reseller", "--name=CRM", "--days=1"), "Only admins, and resellers’ own logins"),
        (("nadia", "--scope=reseller", "--name=CRM", "--days=366"), "A token lasts 1 to 365 days."),
        (("nadia", "--scope=reseller", "--name= ", "--days=1"), "Name the system that uses the token"),
        (("nadia", "--scope=reseller", "--name=CRM", "--days=1", "--allowed-ips=x"), "“x” is no IP address"),
        (("nadia", "--scope=all", "--name=CRM", "--days=1"), "invalid choice: 'all'"),
        (("nadia", "--scope=reseller", "--days=1"), "the following arguments are required: --name"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], message: str, nadia: User, petra: User) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        command(*arguments)

    assert not ApiToken.objects.exists()


def test_the_command_refuses_a_login_that_is_shut_out(asha: User, nadia: User, north: Reseller) -> None:
    resellers.suspend_reseller(actor=seat_of(asha), reseller_id=north.pk, reason="unpaid", now=NOW)

    with pytest.raises(CommandError, match="The login’s reseller is suspended"):
        command("nadia", "--scope=reseller", "--name=Shop", "--days=1")
