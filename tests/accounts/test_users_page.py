"""The page on which admins keep the logins of admins and support staff."""

from functools import partial
from typing import Any

import pytest

from accounts import operations
from accounts.models import InitialPassword, Session, TwoStep, User, UserType
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.refusals import Forbidden
from tests.cast import NOW, PASSWORD, group, make_admin, make_support, seat_of, signed_in
from tests.pages import body, counts, error_at, links_of, refused, rows_of, send

NEW = "/users/new"
GIVEN = "SecurePass123!"


def wish(**typed: Any) -> dict[str, Any]:
    """Return what is typed for a member of the support staff."""
    return {"user_type": "3", "username": "rita", "password": GIVEN, "own_password": PASSWORD} | typed


def of(user: User, act: str = "") -> str:
    return f"/users/{user.pk}/{act}/" if act else f"/users/{user.pk}/"


@pytest.fixture
def amin(asha: User) -> User:
    """Return another admin."""
    return make_admin("amin")


def test_an_admin_takes_on_support_staff_with_a_group(asha: User) -> None:
    response = send(signed_in(asha), NEW, **wish(full_name="Rita R.", permission_group=group("SUPPORT").pk))

    rita = User.objects.get(username="rita")
    assert (response.status_code, response.url) == (303, of(rita))
    assert (rita.user_type, rita.permission_group, rita.reseller) == (UserType.SUPPORT, group("SUPPORT"), None)
    assert rita.must_change_password
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.grade) == (Action.LOGIN_CREATED, "rita", Grade.SECURITY)
    assert GIVEN not in str(vars(entry))


def test_an_admin_takes_on_another_admin_who_needs_no_group(asha: User) -> None:
    send(signed_in(asha), NEW, **wish(user_type="4", permission_group=group("SUPPORT").pk))

    rita = User.objects.get(username="rita")
    assert rita.is_admin
    assert rita.permission_group is None
    assert AuditEntry.objects.latest("id").action == Action.ADMIN_CREATED


def test_no_copy_of_their_password_is_kept(asha: User) -> None:
    send(signed_in(asha), NEW, **wish())

    assert not InitialPassword.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("own_password", "not mine at all", "This is not your password."),
        ("own_password", "", "This field is required."),
        ("username", "ASHA", "The username “asha” is taken. Choose another one."),
        ("password", "short", "Use at least 12 characters."),
        ("email", "nobody", "Enter a valid email address."),
        ("user_type", "2", "Select a valid choice."),
    ],
)
def test_taking_on_is_refused_at_the_field(asha: User, field: str, typed: str, message: str) -> None:
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **wish(**{field: typed}))

    assert response.status_code == 422
    assert error_at(response, field).startswith(message)
    assert counts() == refused(before, message)


def test_the_operation_makes_no_other_kind_of_login(asha: User) -> None:
    with pytest.raises(Forbidden):
        operations.create_person(actor=seat_of(asha), now=NOW, **wish(user_type=UserType.RESELLER))


def test_name_and_group_are_edited_and_audited(asha: User, petra: User) -> None:
    response = send(signed_in(asha), of(petra, "edit"), full_name="Petra P.", permission_group=group("SUPPORT").pk)

    entry = AuditEntry.objects.latest("id")
    assert response.status_code == 303
    assert (entry.action, entry.object_name) == (Action.LOGIN_EDITED, "petra")
    assert entry.changes == {"full_name": ["", "Petra P."], "permission_group": [None, "SUPPORT"]}


def test_saving_what_is_there_records_nothing(asha: User, petra: User) -> None:
    client = signed_in(asha)
    before = counts()

    send(client, of(petra, "edit"))

    assert counts() == before


def test_a_group_is_taken_away_again(asha: User, petra: User) -> None:
    client = signed_in(asha)
    send(client, of(petra, "edit"), permission_group=group("SUPPORT").pk)
    assert "No group May do nothing yet." in body(client.get(of(petra, "edit")))

    send(client, of(petra, "edit"), permission_group="")

    assert User.objects.get(pk=petra.pk).permission_group is None


def test_no_edit_makes_an_admin_of_anybody(asha: User, petra: User) -> None:
    signed_in(asha).post(of(petra, "edit"), {"full_name": "P", "user_type": "4", "is_active": ""})

    petra.refresh_from_db()
    assert (petra.user_type, petra.is_active) == (UserType.SUPPORT, True)


def test_a_new_password_ends_sign_ins_and_has_to_be_changed(asha: User, petra: User) -> None:
    client = signed_in(petra)

    response = send(signed_in(asha), of(petra, "password"), password=GIVEN, own_password=PASSWORD)

    petra.refresh_from_db()
    assert response.status_code == 303
    assert petra.check_password(GIVEN)
    assert petra.must_change_password
    assert not Session.objects.filter(user=petra).exists()
    assert client.get("/account/").status_code == 302
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.PASSWORD_SET, "asha", "petra")
    assert GIVEN not in str(vars(entry))


def test_ones_own_password_is_changed_elsewhere(asha: User) -> None:
    response = send(signed_in(asha), of(asha, "password"), password=GIVEN, own_password=PASSWORD)

    assert response.status_code == 422
    assert "Choose your password on the page of your account" in body(response)
    assert User.objects.get(pk=asha.pk).check_password(PASSWORD)


def test_who_is_removed_is_out_at_once_and_stays_out(asha: User, petra: User) -> None:
    client = signed_in(petra)

    response = send(signed_in(asha), of(petra, "removal"), own_password=PASSWORD)

    assert response.status_code == 303
    assert client.get("/account/").status_code == 302
    assert client.post("/sign-in/", {"login": "petra", "password": PASSWORD}).status_code == 422
    entry = AuditEntry.objects.get(action=Action.LOGIN_REMOVED)
    assert (entry.object_name, entry.grade) == ("petra", Grade.SECURITY)


def test_the_names_of_who_is_removed_stay_reserved(asha: User, petra: User) -> None:
    client = signed_in(asha)
    send(client, of(petra, "removal"), own_password=PASSWORD)

    assert error_at(send(client, NEW, **wish(username="petra")), "username").startswith(
        "The username “petra” is taken."
    )


def test_who_is_restored_signs_in_with_the_rights_of_before(asha: User, petra: User) -> None:
    client = signed_in(asha)
    send(client, of(petra, "removal"), own_password=PASSWORD)

    send(client, of(petra, "restoration"), own_password=PASSWORD)

    assert signed_in(petra).get("/account/").status_code == 200
    assert AuditEntry.objects.get(action=Action.LOGIN_RESTORED).object_name == "petra"


def test_restoring_does_not_bring_old_sign_ins_back(asha: User, petra: User) -> None:
    before, client = signed_in(petra), signed_in(asha)

    for act in ("removal", "restoration"):
        send(client, of(petra, act), own_password=PASSWORD)

    assert before.get("/account/").status_code == 302


@pytest.mark.parametrize("act", ["password", "removal", "restoration", "username", "contact", "two-step-reset"])
def test_acts_that_matter_ask_for_ones_own_password(asha: User, petra: User, act: str) -> None:
    client = signed_in(asha)
    before = counts()
    typed = {"password": GIVEN, "username": "rita", "email": "p@isp.example", "own_password": "not mine at all"}

    response = client.post(of(petra, act), typed)

    assert response.status_code == 422
    assert error_at(response, "own_password") == "This is not your password."
    assert counts() == refused(before, "This is not your password.")


def test_their_sign_ins_are_ended_and_counted(asha: User, petra: User) -> None:
    one, other = signed_in(petra), signed_in(petra)

    signed_in(asha).post(of(petra, "sign-ins"))

    assert [client.get("/account/").status_code for client in (one, other)] == [302, 302]
    assert AuditEntry.objects.latest("id").action == Action.SIGN_INS_ENDED


def test_of_ones_own_sign_ins_the_one_at_hand_goes_on(asha: User) -> None:
    elsewhere, here = signed_in(asha), signed_in(asha)

    here.post(of(asha, "sign-ins"))

    assert (elsewhere.get("/account/").status_code, here.get("/account/").status_code) == (302, 200)


def test_a_second_step_is_taken_off(asha: User, petra: User) -> None:
    TwoStep.objects.create(user=petra, ciphertext=b"x", confirmed_at=NOW)
    client = signed_in(asha)
    assert of(petra, "two-step-reset") in links_of(client.get(of(petra)))

    response = send(client, of(petra, "two-step-reset"), own_password=PASSWORD)

    assert response.status_code == 303
    assert not TwoStep.objects.filter(user=petra).exists()
    assert AuditEntry.objects.latest("id").action == Action.TWO_STEP_RESET


def test_the_list_has_admins_and_support_staff_and_nobody_else(
    asha: User, amin: User, petra: User, nadia: User
) -> None:
    signed_in(petra)

    rows = rows_of(signed_in(asha).get("/users/"))

    assert [(row[0], row[2], row[6]) for row in rows] == [
        ("amin amin", "Admin", "0"),
        ("asha asha", "Admin", "1"),
        ("petra petra", "Support", "1"),
    ]


def test_the_tabs_and_the_search_are_in_the_address(asha: User, amin: User, petra: User) -> None:
    User.objects.filter(pk=amin.pk).update(is_active=False)
    client = signed_in(asha)

    def names(query: str) -> list[str]:
        return [row[0].split()[0] for row in rows_of(client.get(f"/users/?{query}"))]

    assert names("view=admins") == ["asha"]
    assert names("view=support") == ["petra"]
    assert names("view=removed") == ["amin"]
    assert names("q=PET") == ["petra"]
    assert "No user matches" in body(client.get("/users/?q=nobody"))


def test_the_list_costs_the_same_however_long_it_is(asha: User, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_support(asha, f"helper{number}")
    client = signed_in(asha)

    with django_assert_max_num_queries(10):
        client.get("/users/")


def test_a_persons_page_shows_what_was_done_to_the_login(asha: User, petra: User) -> None:
    client = signed_in(asha)
    send(client, of(petra, "edit"), full_name="Petra P.")

    page = body(client.get(of(petra)))

    assert "Edited login" in page
    assert "→ Petra P." in page


def test_a_resellers_login_is_not_among_the_users(asha: User, nadia: User) -> None:
    client = signed_in(asha)

    for act in ("", "edit", "password", "removal", "username", "contact"):
        assert client.get(of(nadia, act)).status_code == 404


def test_the_operations_refuse_everybody_but_admins(asha: User, nadia: User, petra: User) -> None:
    acts = [
        partial(operations.edit_person, full_name="x"),
        partial(operations.set_password_of, password=GIVEN, own_password=PASSWORD),
        partial(operations.remove_person, own_password=PASSWORD),
        partial(operations.restore_person, own_password=PASSWORD),
        partial(operations.reset_two_step_of, own_password=PASSWORD),
        operations.end_sign_ins_of,
        partial(operations.change_username, username="x", own_password=PASSWORD),
        partial(operations.change_contact_of, email="", phone="1", own_password=PASSWORD),
    ]

    for actor in (nadia, petra):
        for act in acts:
            with pytest.raises(Forbidden):
                act(actor=seat_of(actor), user_id=asha.pk, now=NOW)
        with pytest.raises(Forbidden):
            operations.create_person(actor=seat_of(actor), now=NOW, **wish(user_type=UserType.ADMIN))


def test_the_page_of_a_reseller_leads_to_the_acts_on_its_login(asha: User, nadia: User) -> None:
    TwoStep.objects.create(user=nadia, ciphertext=b"x", confirmed_at=NOW)
    page = f"/resellers/{nadia.reseller_id}/"
    acts = {f"{page}{act}/" for act in ("username", "password", "two-step-reset")}

    assert acts <= links_of(signed_in(asha).get(page))
    assert not acts & links_of(signed_in(nadia).get(page))


def test_an_admin_gives_a_reseller_a_new_password(asha: User, nadia: User) -> None:
    url = f"/resellers/{nadia.reseller_id}/password/"

    response = send(signed_in(asha), url, password=GIVEN, own_password=PASSWORD)

    nadia.refresh_from_db()
    assert response.status_code == 303
    assert nadia.check_password(GIVEN)
    assert InitialPassword.objects.get(user=nadia).created_by_id == asha.pk
