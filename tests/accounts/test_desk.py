"""Django admin, where support staff read the whole system and keep contact data right."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import PermissionGroup, Session, User
from accounts.permissions import ALL_CODES, DESK_CODES
from accounts.seats import DeskSeat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers import operations as reseller_operations
from resellers.models import Reseller
from subscribers import operations
from subscribers.models import Subscriber
from tests.cast import NOW, PASSWORD, group, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, counts, links_of, rows_of

READS = ("resellers.view", "subscribers.view", "audit.view")
LINES = "/admin/subscribers/subscriber/"
RESELLERS = "/admin/resellers/reseller/"
SIGN_INS = "/admin/accounts/session/"
TRAIL = "/admin/audit/auditentry/"
LISTS = (LINES, RESELLERS, SIGN_INS, TRAIL)


def give(user: User, *codes: str) -> User:
    """Put the login into a group with these permissions."""
    user.permission_group = PermissionGroup.objects.create(name=f"Desk of {user.username}", codes=list(codes))
    user.save(update_fields=["permission_group"])
    return user


def at_desk(user: User) -> DeskSeat:
    return DeskSeat.own(User.objects.with_rights().get(pk=user.pk))


def page_of(row: Subscriber | Reseller | AuditEntry) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def shown(client: Client, url: str) -> dict[str, str]:
    """Return what a browser would send of the page at the desk."""
    form = client.get(url).context["adminform"].form
    return {name: form[name].value() or "" for name in form.fields}


def save(client: Client, row: Subscriber | Reseller, **typed: str) -> HttpResponse:
    """Open the row's page, type, and save."""
    return client.post(page_of(row), shown(client, page_of(row)) | typed)


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a line of North's."""
    return operations.add_subscriber(
        actor=seat_of(asha), reseller=north, plan=home, username="elif", password="line-password", activate=False,
        full_name="Elif Aydın", phone="0700 900 001", email="elif@example.com", address="1 Main Street", now=NOW,
    )  # fmt: skip


@pytest.fixture
def reader(petra: User) -> User:
    """Return Petra, who may read all there is at the desk."""
    return give(petra, *READS)


@pytest.fixture
def helper(petra: User) -> User:
    """Return Petra, who may do all there is at the desk."""
    return give(petra, *DESK_CODES)


# --- who comes in -----------------------------------------------------------------------------------------------------


def test_a_stranger_is_led_to_the_panels_own_sign_in(db: None) -> None:
    response = Client().get(LINES)

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next={LINES}"


@pytest.mark.parametrize("name", ["login", "logout", "password_change", "password_change_done", "autocomplete"])
def test_the_admin_has_no_second_door(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{name}")


def test_the_admins_own_sign_in_page_is_as_absent_as_any_other(asha: User) -> None:
    for path in ("login", "logout", "password_change", "password_change/done"):
        assert signed_in(asha).get(f"/admin/{path}/").status_code == 404
        assert signed_in(asha).post(f"/admin/{path}/", {"username": "asha", "password": PASSWORD}).status_code == 405


def test_resellers_and_their_staff_find_nothing_there_and_nothing_hints_at_it(
    asha: User, north: Reseller, partner: Reseller
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))
    for user in (north.user, partner.user, clerk):
        client = signed_in(user)

        pages = [client.get(path) for path in ("/admin/", LINES, "/admin/nothing/", "/nothing/at/all/")]

        assert {page.status_code for page in pages} == {404}
        assert len({body(page).replace(page["X-Request-ID"], "") for page in pages}) == 1


def test_an_admin_in_another_panel_finds_nothing_there(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to see"})

    assert client.get("/admin/").status_code == 404
    assert client.get(LINES).status_code == 404


def test_support_staff_of_a_reseller_do_not_work_at_the_desk(petra: User, north: Reseller) -> None:
    give(petra, *DESK_CODES)
    User.objects.filter(pk=petra.pk).update(reseller=north)

    assert signed_in(petra).get("/admin/").status_code == 404
    assert at_desk(petra).rights == frozenset()


def test_support_staff_without_a_group_are_told_that_they_may_nothing(petra: User) -> None:
    index = signed_in(petra).get("/admin/")

    assert index.status_code == 200
    assert "You don’t have permission to view or edit anything." in body(index)
    assert {signed_in(petra).get(path).status_code for path in LISTS} == {403}


def test_support_staff_must_choose_a_password_first_there_too(petra: User) -> None:
    User.objects.filter(pk=petra.pk).update(must_change_password=True)

    assert signed_in(petra).get("/admin/")["Location"] == "/account/password/"


def test_support_staff_land_at_the_desk_and_reach_their_own_login(petra: User) -> None:
    client = Client()

    response = client.post("/sign-in/", {"login": "petra", "password": PASSWORD})

    assert response["Location"] == "/admin/"
    assert {"/account/", "/sign-out/"} <= links_of(client.get("/admin/"))
    assert client.get("/account/").status_code == 200
    assert "/admin/" in links_of(client.get("/account/"))
    assert client.get("/").status_code == 403
    assert "/admin/" in links_of(client.get("/"))


def test_admins_land_in_the_panel_and_find_the_desk_in_its_menu(asha: User) -> None:
    client = Client()

    response = client.post("/sign-in/", {"login": "asha", "password": PASSWORD})

    assert response["Location"] == "/"
    assert "/admin/" in links_of(client.get("/settings/"))


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "path"),
    [("resellers.view", RESELLERS), ("subscribers.view", LINES), ("audit.view", SIGN_INS), ("audit.view", TRAIL)],
)
def test_each_list_needs_its_permission(petra: User, line: Subscriber, code: str, path: str) -> None:
    client = signed_in(give(petra, code))

    assert client.get(path).status_code == 200
    assert path in links_of(client.get("/admin/"))
    closed = [other for other in LISTS if other != path and not (code == "audit.view" and other in (SIGN_INS, TRAIL))]
    assert {client.get(other).status_code for other in closed} == {403}
    assert not set(closed) & links_of(client.get("/admin/"))


def test_a_view_all_opens_the_list_as_well(petra: User, line: Subscriber) -> None:
    assert signed_in(give(petra, "subscribers.view_all")).get(page_of(line)).status_code == 200


def test_reading_is_system_wide_at_the_desk_and_nowhere_else(reader: User, line: Subscriber, south: Reseller) -> None:
    client = signed_in(reader)

    assert {row[0] for row in named(client.get(RESELLERS))} == {"North Net", "South Net"}
    assert {row[0] for row in named(client.get(LINES))} == {"elif"}
    assert client.get("/subscribers/").status_code == 403
    assert client.get(f"/subscribers/{line.pk}/").status_code == 404
    assert client.get("/resellers/").status_code == 403


def named(response: HttpResponse) -> list[list[str]]:
    """Return the rows of the list with the heading cell, which holds the link."""
    found = re.findall(r'<th class="field-[a-z_]+"><a href="[^"]+">(.*?)</a></th>', response.content.decode())
    return [[name] for name in found]


@pytest.mark.parametrize("text", ["elif", "Aydın", "0700 900 001", "elif@example.com", "Main Street"])
def test_subscribers_are_found_by_all_that_a_caller_may_say(reader: User, line: Subscriber, text: str) -> None:
    client = signed_in(reader)

    assert named(client.get(LINES, {"q": text})) == [["elif"]]
    assert named(client.get(LINES, {"q": f"{text} and more"})) == []


@pytest.mark.parametrize("text", ["nadia", "North", "nadia@example.com", "0700 900 002", "Harbour Road"])
def test_resellers_are_found_by_all_that_a_caller_may_say(reader: User, asha: User, text: str) -> None:
    make_reseller(asha, "nadia", "North Net", email="nadia@example.com", phone="0700 900 002", address="2 Harbour Road")
    make_reseller(asha, "sami", "South Net")

    assert named(signed_in(reader).get(RESELLERS, {"q": text})) == [["North Net"]]


def test_deleted_resellers_are_no_longer_there(helper: User, asha: User, north: Reseller) -> None:
    client = signed_in(helper)
    reseller_operations.delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    assert named(client.get(RESELLERS)) == []
    assert client.get(page_of(north)).status_code == 404
    with pytest.raises(Forbidden):
        reseller_operations.edit_reseller(actor=at_desk(helper), reseller_id=north.pk, address="x", now=NOW)


def test_subscribers_are_filtered_by_status(reader: User, line: Subscriber) -> None:
    client = signed_in(reader)

    assert named(client.get(LINES, {"status": "expired"})) == [["elif"]]
    assert named(client.get(LINES, {"status": "active"})) == []


def test_sign_ins_are_listed_without_their_key_or_what_they_hold(reader: User, nadia: User) -> None:
    signed_in(nadia)
    row = Session.objects.get(user=nadia)

    page = signed_in(reader).get(SIGN_INS)

    assert {cells[0] for cells in rows_of(page)} == {"petra", "nadia"}
    assert row.session_key not in page.content.decode()
    assert row.session_data not in page.content.decode()
    assert signed_in(reader).get(f"{SIGN_INS}{row.session_key}/change/").status_code == 404


def test_the_trail_is_filtered_searched_and_opened(reader: User, line: Subscriber) -> None:
    client = signed_in(reader)
    entry = AuditEntry.objects.get(action=Action.SUBSCRIBER_CREATED)

    of_line = client.get(TRAIL, {"object_type": "subscriber", "object_id": line.pk})
    searched = client.get(TRAIL, {"q": "elif", "action": Action.SUBSCRIBER_CREATED})
    other = client.get(TRAIL, {"q": "elif", "action": Action.SIGNED_IN})

    assert [cells[1] for cells in rows_of(of_line)] == ["Added subscriber"]
    assert [cells[1] for cells in rows_of(searched)] == ["Added subscriber"]
    assert rows_of(other) == []
    assert "Reseller: → North Net" in body(client.get(page_of(entry)))
    assert f"{TRAIL}?object_type=subscriber&object_id={line.pk}" in links_of(client.get(page_of(line)))


@pytest.mark.parametrize(
    ("path", "lookup"),
    [
        (LINES, "password_ciphertext__gt"),
        (LINES, "reseller__user__password__startswith"),
        (RESELLERS, "user__password__startswith"),
        (RESELLERS, "allowed_ips__contains"),
        (SIGN_INS, "session_key__startswith"),
        (SIGN_INS, "session_data__contains"),
        (SIGN_INS, "user__password__startswith"),
        (TRAIL, "changes__contains"),
    ],
)
def test_no_list_can_be_asked_what_a_hidden_column_holds(reader: User, path: str, lookup: str) -> None:
    assert signed_in(reader).get(path, {lookup: "a"}).status_code == 400


def test_neither_money_nor_secrets_are_at_the_desk(helper: User, line: Subscriber, north: Reseller) -> None:
    client = signed_in(helper)

    for path in ("/admin/", LINES, RESELLERS, page_of(line), page_of(north)):
        text = client.get(path).content.decode().lower()
        assert not [word for word in ("balance", "credit", "wallet", "ciphertext", "line-password") if word in text]
    for model in ("wallet/ledgeraccount", "wallet/transfer", "accounts/user", "accounts/permissiongroup", "auth/group"):
        assert client.get(f"/admin/{model}/").status_code == 404


# --- changing ---------------------------------------------------------------------------------------------------------


def test_contact_data_of_a_subscriber_is_changed_as_in_the_panel(helper: User, asha: User, line: Subscriber) -> None:
    signed_in(asha).post(f"/subscribers/{line.pk}/edit/", in_panel(line, phone="0700 900 111"))
    response = save(signed_in(helper), line, phone="0700 900 222")

    line.refresh_from_db()
    of_panel, of_desk = AuditEntry.objects.filter(action=Action.SUBSCRIBER_EDITED).order_by("pk")
    assert response["Location"] == LINES
    assert line.phone == "0700 900 222"
    assert (of_panel.changes, of_desk.changes) == (
        {"phone": ["0700 900 001", "0700 900 111"]},
        {"phone": ["0700 900 111", "0700 900 222"]},
    )
    assert (of_desk.actor_name, of_desk.actor_type, of_desk.on_behalf_of_name) == ("petra", "Support", "")
    assert of_desk.reseller_id == of_panel.reseller_id == line.reseller_id


def in_panel(line: Subscriber, **typed: str) -> dict[str, str]:
    return {name: getattr(line, name) or "" for name in operations.DETAILS} | typed


def test_the_address_of_a_reseller_is_changed_as_in_the_panel(helper: User, north: Reseller) -> None:
    save(signed_in(helper), north, address="3 Harbour Road")

    entry = AuditEntry.objects.get(action=Action.RESELLER_EDITED)
    north.refresh_from_db()
    assert north.address == "3 Harbour Road"
    assert entry.changes == {"address": ["", "3 Harbour Road"]}
    assert (entry.actor_name, entry.reseller_id) == ("petra", north.pk)


def test_there_is_one_trail_and_it_is_ours(helper: User, line: Subscriber) -> None:
    save(signed_in(helper), line, phone="0700 900 222")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_admin_log")
        assert cursor.fetchone() == (0,)


def test_saving_what_is_there_changes_and_records_nothing(helper: User, line: Subscriber) -> None:
    client, before = signed_in(helper), counts()

    save(client, line)

    assert counts() == before


@pytest.mark.parametrize("row", ["line", "north"])
def test_what_somebody_changed_meanwhile_is_not_written_over(
    request: pytest.FixtureRequest, helper: User, asha: User, line: Subscriber, north: Reseller, row: str
) -> None:
    client, of = signed_in(helper), {"line": line, "north": north}[row]
    form = shown(client, page_of(of))
    operations.edit_subscriber(actor=seat_of(asha), subscriber_id=line.pk, address="Elsewhere", now=timezone.now())
    reseller_operations.edit_reseller(
        actor=seat_of(asha), reseller_id=north.pk, address="Elsewhere", now=timezone.now()
    )
    before = counts()

    response = client.post(page_of(of), form | {"address": "4 Old Street"})

    of.refresh_from_db()
    assert response.status_code == 422
    assert "meanwhile. Open the form again" in body(response)
    assert of.address == "Elsewhere"
    assert counts() == before


def test_a_wrong_email_is_an_error_of_the_form(helper: User, line: Subscriber) -> None:
    response = save(signed_in(helper), line, email="not-an-email")

    line.refresh_from_db()
    assert response.status_code == 422
    assert "Enter a valid email address." in body(response)
    assert line.email == "elif@example.com"


@pytest.mark.parametrize("row", ["line", "north"])
def test_those_who_only_read_are_refused_and_that_is_recorded(
    reader: User, line: Subscriber, north: Reseller, row: str
) -> None:
    client, of = signed_in(reader), {"line": line, "north": north}[row]
    assert 'name="_save"' not in client.get(page_of(of)).content.decode()

    response = client.post(page_of(of), {"address": "4 Old Street", "phone": "1"})

    of.refresh_from_db()
    assert response.status_code == 403
    assert of.address != "4 Old Street"
    assert AuditEntry.objects.latest("pk").action == Action.REFUSED


def test_nothing_is_added_deleted_or_done_in_bulk(helper: User, line: Subscriber, north: Reseller) -> None:
    client, before = signed_in(helper), counts()

    for model, row in ((LINES, line), (RESELLERS, north)):
        assert client.get(f"{model}add/").status_code == 404
        assert client.get(f"{model}{row.pk}/delete/").status_code == 404
        assert client.get(f"{model}{row.pk}/history/").status_code == 404
        assert client.post(f"{model}{row.pk}/delete/", {"post": "yes"}).status_code == 405
        bulk = {"action": "delete_selected", "_selected_action": row.pk, "index": 0, "post": "yes"}
        assert client.post(model, bulk).status_code == 405

    assert counts() == before


@pytest.mark.parametrize("button", ["_addanother", "_saveasnew", "_popup", "_continue"])
def test_no_button_that_is_not_there_adds_anything_or_breaks(helper: User, line: Subscriber, button: str) -> None:
    lines = Subscriber.objects.count()

    response = save(signed_in(helper), line, phone="0700 900 222", **{button: "1"})

    assert response.status_code == (403 if button == "_saveasnew" else 302)
    assert Subscriber.objects.count() == lines


# --- a support login cannot take over a reseller ----------------------------------------------------------------------


def test_a_support_login_cannot_take_over_a_reseller_by_way_of_its_contact_data(
    petra: User, asha: User, north: Reseller, northeast: Reseller
) -> None:
    client = signed_in(give(petra, *ALL_CODES))
    before = User.objects.values().get(pk=north.user.pk), Reseller.objects.values().get(pk=north.pk)
    forged = {
        "email": "petra@example.com", "user__email": "petra@example.com", "user-0-email": "petra@example.com",
        "phone": "0700 666", "full_name": "Petra", "username": "petras", "password": "SecurePass123!",
        "user": petra.pk, "user_id": petra.pk, "permission_group": "", "parent": northeast.pk, "allowed_ips": "",
        "wallet": northeast.wallet.pk, "credit_limit": "1000", "company_name": "Petra Net", "must_change_password": "",
    }  # fmt: skip

    response = save(client, north, **{name: str(value) for name, value in forged.items()})

    after = User.objects.values().get(pk=north.user.pk), Reseller.objects.values().get(pk=north.pk)
    assert response.status_code == 302
    assert after == before
    assert set(shown(client, page_of(north))) == {"address", "seen"}
    for path in (
        f"/admin/accounts/user/{north.user.pk}/change/",
        f"/resellers/{north.pk}/edit/",
        f"/resellers/{north.pk}/initial-password/",
        f"/resellers/{north.pk}/seats/",
    ):
        assert client.post(path, forged | {"own_password": PASSWORD, "reason": "x"}).status_code in (404, 405)


def test_a_forged_form_reaches_no_other_column_of_a_subscriber(petra: User, line: Subscriber, south: Reseller) -> None:
    client = signed_in(give(petra, *ALL_CODES))
    before = Subscriber.objects.values().get(pk=line.pk)
    forged = {"username": "mine", "password": "SecurePass123!", "reseller": str(south.pk), "note": "x", "plan": "",
              "static_ip": "192.0.2.1", "mac": "AA:BB:CC:DD:EE:FF", "expires_at": "2040-01-01"}  # fmt: skip

    save(client, line, **forged)

    assert Subscriber.objects.values().get(pk=line.pk) == before
    assert set(shown(client, page_of(line))) == {*operations.CONTACT, "seen"}


@pytest.mark.parametrize(
    "details",
    [
        {"email": "petra@example.com"}, {"phone": "0700 666"}, {"full_name": "Petra"}, {"company_name": "Petra Net"},
        {"parent": None}, {"permission_group": None}, {"allowed_ips": ""}, {"credit_limit": 1000},
        {"address": "4 Old Street", "email": "petra@example.com"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", ["petra", "asha"])
def test_the_operation_itself_takes_only_a_resellers_address_from_the_desk(
    asha: User, petra: User, north: Reseller, details: dict[str, Any], who: str
) -> None:
    seat = at_desk({"petra": give(petra, *ALL_CODES), "asha": asha}[who])

    with pytest.raises(Forbidden):
        reseller_operations.edit_reseller(actor=seat, reseller_id=north.pk, now=NOW, **details)

    north.refresh_from_db()
    assert (north.address, north.user.email) == ("", None)


@pytest.mark.parametrize(
    "details",
    [{"password": "SecurePass123!"}, {"note": "x"}, {"static_ip": "192.0.2.1"}, {"mac": "AA:BB:CC:DD:EE:FF"}],
)
@pytest.mark.parametrize("who", ["petra", "asha"])
def test_the_operation_itself_takes_only_a_subscribers_contact_data_from_the_desk(
    asha: User, petra: User, line: Subscriber, details: dict[str, Any], who: str
) -> None:
    seat = at_desk({"petra": give(petra, *ALL_CODES), "asha": asha}[who])

    with pytest.raises(Forbidden):
        operations.edit_subscriber(actor=seat, subscriber_id=line.pk, now=NOW, **details)


def test_no_other_operation_takes_anything_from_the_desk(asha: User, north: Reseller, line: Subscriber) -> None:
    seat, before = at_desk(asha), counts()

    with pytest.raises(Forbidden):
        operations.renew_subscriber(actor=seat, subscriber_id=line.pk, now=NOW)
    for move in (reseller_operations.transfer_to_reseller, reseller_operations.withdraw_from_reseller):
        with pytest.raises(Forbidden):
            move(actor=seat, reseller_id=north.pk, amount=Decimal(1), note="", now=NOW)

    assert counts() == before
    assert not Reseller.objects.actable_by(seat).exists()
    assert not Subscriber.objects.actable_by(seat).exists()


def test_the_operations_ask_for_the_permission_to_edit(reader: User, north: Reseller, line: Subscriber) -> None:
    with pytest.raises(Forbidden):
        operations.edit_subscriber(actor=at_desk(reader), subscriber_id=line.pk, phone="1", now=NOW)
    with pytest.raises(Forbidden):
        reseller_operations.edit_reseller(actor=at_desk(reader), reseller_id=north.pk, address="x", now=NOW)


def test_whatever_the_group_holds_the_desk_allows_no_more(petra: User) -> None:
    seat = at_desk(give(petra, *ALL_CODES))

    assert seat.rights == DESK_CODES
    assert not seat.is_admin
    assert not seat.sees_all("transactions")
    assert seat_of(petra).rights == frozenset()


# --- cost -------------------------------------------------------------------------------------------------------------


def test_a_list_costs_the_same_however_long_it_is(helper: User, asha: User, north: Reseller, home: Plan) -> None:
    client = signed_in(helper)
    first = {path: queries(client, path) for path in LISTS}
    for number in range(5):
        sub = make_reseller(asha, f"sub{number}", f"Sub {number}", parent=north)
        signed_in(sub.user)
        operations.add_subscriber(
            actor=seat_of(asha), reseller=sub, plan=home, username=f"line{number}", password="x" * 12, activate=False,
            now=NOW,
        )  # fmt: skip

    then = {path: queries(client, path) for path in LISTS}

    assert then == first
    assert max(then.values()) <= 10


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as context:
        assert client.get(path).status_code == 200
    return len(context)
