"""The staff logins of a reseller: who makes them, what they may be given, how they are shut out."""

from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import InitialPassword, PermissionGroup, User, UserType
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.refusals import Forbidden
from resellers import operations
from resellers.models import Reseller, StaffLogin
from resellers.operations import ResellerDeleted, StaffGroupOutOfReach
from resellers.operations import staff as staff_operations
from tests.cast import NOW, PASSWORD, group, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, links_of, rows_of, send, without

NEW = "/staff/new"
GIVEN = "SecurePass123!"


def wish(**typed: Any) -> dict[str, Any]:
    return {"username": "zeina", "password": GIVEN, "permission_group": group("SUPPORT").pk} | typed


@pytest.fixture
def zeina(asha: User, north: Reseller) -> User:
    """Return a member of North's staff in the group SUPPORT."""
    return make_staff(asha, north, "zeina", group("SUPPORT"))


@pytest.fixture
def chief(asha: User, north: Reseller) -> User:
    """Return a member of North's staff who keeps the others, and sees subscribers besides."""
    codes = ["subscribers.view", "staff.view", "staff.create", "staff.edit", "staff.delete"]
    return make_staff(asha, north, "chief", PermissionGroup.objects.create(name="Chief", codes=codes))


@pytest.fixture
def readers(db: None) -> PermissionGroup:
    """Return a group that the chief may give."""
    return PermissionGroup.objects.create(name="Readers", codes=["subscribers.view"], available_to_subs=True)


def test_a_reseller_makes_a_staff_login_of_its_own(nadia: User, north: Reseller) -> None:
    response = send(signed_in(nadia), NEW, **wish(full_name="Zeina N.", email="zeina@north.example"))

    zeina = User.objects.get(username="zeina")
    assert (response.status_code, response.url) == (303, f"/staff/?created={zeina.pk}")
    assert (zeina.user_type, zeina.reseller, zeina.permission_group) == (UserType.RESELLER, north, group("SUPPORT"))
    assert zeina.check_password(GIVEN)
    assert zeina.must_change_password
    assert not zeina.is_own_login_of_reseller


def test_its_rights_are_what_both_its_group_and_its_reseller_have(asha: User, northeast: Reseller) -> None:
    zeina = make_staff(asha, northeast, "zeina", group("PARTNER"))

    assert "subscribers.view_all" not in seat_of(zeina).rights
    assert seat_of(zeina).rights <= seat_of(northeast.user).rights


def test_it_is_audited_in_the_resellers_trail_without_the_password(nadia: User, north: Reseller) -> None:
    send(signed_in(nadia), NEW, **wish())

    entry = AuditEntry.objects.get(action=Action.LOGIN_CREATED)
    assert (entry.actor_name, entry.object_type, entry.object_name) == ("nadia", "user", "zeina")
    assert (entry.reseller_id, entry.grade) == (north.pk, Grade.SECURITY)
    assert entry.changes["permission_group"] == [None, "SUPPORT"]
    assert GIVEN not in str(vars(entry))


def test_whatever_reseller_is_posted_it_is_ones_own(nadia: User, north: Reseller, south: Reseller) -> None:
    signed_in(nadia).post(NEW, wish(reseller=south.pk))
    operations.create_staff(
        actor=seat_of(nadia), reseller=south, now=NOW, **wish(username="rami", permission_group=group("SUPPORT"))
    )

    assert set(User.objects.filter(username__in=["zeina", "rami"]).values_list("reseller", flat=True)) == {north.pk}


def test_an_admin_picks_the_reseller(asha: User, south: Reseller) -> None:
    client = signed_in(asha)
    url = f"{NEW}?reseller={south.pk}"

    response = send(client, url, **wish())

    assert url in links_of(client.get(f"/resellers/{south.pk}/staff/"))
    assert response.status_code == 303
    assert User.objects.get(username="zeina").reseller == south


def test_a_deleted_reseller_gets_no_staff(asha: User, south: Reseller) -> None:
    operations.delete_reseller(actor=seat_of(asha), reseller_id=south.pk, now=NOW)

    response = send(signed_in(asha), NEW, **wish(reseller=south.pk))

    assert response.status_code == 422
    assert error_at(response, "reseller").startswith("Select a valid choice.")
    with pytest.raises(ResellerDeleted):
        make_staff(asha, south, "zeina", group("SUPPORT"))


def test_an_admin_has_to_say_whose_staff_it_is(asha: User) -> None:
    response = send(signed_in(asha), NEW, **wish(reseller=""))

    assert response.status_code == 422
    assert error_at(response, "reseller") == "This field is required."


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("username", "nadia", "The username “nadia” is taken. Choose another one."),
        ("username", "al noor", "Use only letters"),
        ("email", "sami@south.example", "This email belongs to another login. Enter a different one."),
        ("password", "short", "Use at least 12 characters."),
        ("password", "northnet-2026-x", "Leave the username and the company name out of the password."),
        ("permission_group", "", "This field is required."),
    ],
)
def test_making_one_is_refused_at_the_field(nadia: User, sami: User, field: str, typed: str, message: str) -> None:
    User.objects.filter(pk=sami.pk).update(email="sami@south.example")
    client = signed_in(nadia)
    before = counts()

    response = send(client, NEW, **wish(**{field: typed}))

    assert response.status_code == 422
    assert error_at(response, field).startswith(message)
    assert counts() == before


@pytest.mark.parametrize("name", ["PARTNER", "SALES"])
def test_staff_is_given_no_group_beyond_ones_own_rights(asha: User, name: str) -> None:
    west = make_reseller(asha, "wael", "West Net", permission_group=without_code("resellers.create"))

    response = send(signed_in(west.user), NEW, **wish(permission_group=group(name).pk))

    assert response.status_code == 422
    assert error_at(response, "permission_group")
    with pytest.raises(StaffGroupOutOfReach, match="more than you may do yourself"):
        operations.create_staff(
            actor=seat_of(west.user), now=NOW, **wish(permission_group=group(name), username="other")
        )


def without_code(code: str) -> PermissionGroup:
    return PermissionGroup.objects.create(name="Less", codes=[each for each in group("SALES").codes if each != code])


def test_staff_has_a_group(nadia: User) -> None:
    with pytest.raises(StaffGroupOutOfReach, match="Choose a permission group"):
        operations.create_staff(actor=seat_of(nadia), now=NOW, **wish(permission_group=None))


def test_staff_gives_no_more_than_it_has_itself(chief: User, readers: PermissionGroup) -> None:
    client = signed_in(chief)

    refused = send(client, NEW, **wish())
    given = send(client, NEW, **wish(permission_group=readers.pk))

    assert (refused.status_code, given.status_code) == (422, 303)


def test_staff_does_not_act_on_itself(chief: User) -> None:
    client = signed_in(chief)

    for act in ("edit", "password", "initial-password", "removal", "restoration"):
        response = client.post(f"/staff/{chief.pk}/{act}/", {"own_password": PASSWORD, "password": GIVEN})
        assert response.status_code == 403, act


@pytest.mark.parametrize("act", ["edit", "password", "initial-password", "removal", "restoration"])
def test_staff_does_not_act_on_whoever_may_do_more(asha: User, north: Reseller, chief: User, act: str) -> None:
    rami = make_staff(asha, north, "rami", group("SALES"), now=timezone.now())
    form = {"own_password": PASSWORD, "password": GIVEN, "permission_group": group("SALES").pk}

    response = signed_in(chief).post(f"/staff/{rami.pk}/{act}/", form)

    assert response.status_code == 403
    assert "rami may do more than you" in body(response)
    assert PASSWORD not in body(response)
    assert User.objects.get(pk=rami.pk).check_password(PASSWORD)


def test_whoever_may_do_more_by_the_time_it_is_their_turn_is_not_acted_on(
    asha: User, north: Reseller, chief: User, readers: PermissionGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    rami = make_staff(asha, north, "rami", readers)
    check = staff_operations.actable_staff

    def check_and_promote(*args: Any) -> StaffLogin:
        found = check(*args)
        User.objects.filter(pk=rami.pk).update(permission_group=group("SALES"))
        return found

    monkeypatch.setattr(staff_operations, "actable_staff", check_and_promote)

    with pytest.raises(Forbidden, match="rami may do more than you"):
        operations.remove_staff(actor=seat_of(chief), user_id=rami.pk, now=NOW)

    assert User.objects.get(pk=rami.pk).is_active


def test_a_change_of_group_counts_on_the_next_request(asha: User, nadia: User, zeina: User) -> None:
    client = signed_in(zeina)
    assert client.get("/resellers/new").status_code == 403

    send(signed_in(nadia), f"/staff/{zeina.pk}/edit/", permission_group=group("SALES").pk)

    assert client.get("/resellers/new").status_code == 200


def test_less_for_the_reseller_is_less_for_its_staff_at_once(asha: User, north: Reseller) -> None:
    client = signed_in(make_staff(asha, north, "clerk", group("SALES")))
    assert client.get("/resellers/new").status_code == 200

    send(signed_in(asha), f"/resellers/{north.pk}/edit/", permission_group=group("SUPPORT").pk)

    assert client.get("/resellers/new").status_code == 403


def test_an_edit_is_audited_with_old_and_new(nadia: User, zeina: User) -> None:
    send(signed_in(nadia), f"/staff/{zeina.pk}/edit/", full_name="Zeina N.", permission_group=group("SALES").pk)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.grade) == (Action.LOGIN_EDITED, "zeina", Grade.SECURITY)
    assert entry.changes == {"full_name": ["", "Zeina N."], "permission_group": ["SUPPORT", "SALES"]}


def test_saving_what_is_there_changes_and_records_nothing(asha: User, nadia: User, north: Reseller) -> None:
    above = make_staff(asha, north, "above", group("PARTNER"))
    client = signed_in(nadia)
    before = counts()

    assert send(client, f"/staff/{above.pk}/edit/").status_code == 303

    assert counts() == before


def test_a_new_email_is_audited_and_holds_the_reset(nadia: User, zeina: User) -> None:
    send(signed_in(nadia), f"/staff/{zeina.pk}/edit/", email="zeina@north.example")

    zeina.refresh_from_db()
    assert zeina.email == "zeina@north.example"
    assert zeina.reset_held_until is not None
    assert AuditEntry.objects.latest("id").action == Action.LOGIN_CONTACT_CHANGED


def test_a_new_password_ends_sign_ins_and_has_to_be_changed(nadia: User, zeina: User) -> None:
    client = signed_in(zeina)

    response = send(signed_in(nadia), f"/staff/{zeina.pk}/password/", password=GIVEN, own_password=PASSWORD)

    zeina.refresh_from_db()
    assert response.status_code == 303
    assert zeina.check_password(GIVEN)
    assert zeina.must_change_password
    assert client.get("/").status_code == 302
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.grade) == (Action.PASSWORD_SET, "zeina", Grade.SECURITY)
    assert GIVEN not in str(vars(entry))


def test_a_new_password_asks_for_ones_own(nadia: User, zeina: User) -> None:
    response = send(signed_in(nadia), f"/staff/{zeina.pk}/password/", password=GIVEN, own_password="not mine at all")

    assert response.status_code == 422
    assert error_at(response, "own_password") == "This is not your password."
    assert User.objects.get(pk=zeina.pk).check_password(PASSWORD)


def test_the_initial_password_is_revealed_to_who_made_it_and_audited(nadia: User) -> None:
    client = signed_in(nadia)
    created = client.get(send(client, NEW, **wish()).url)
    zeina = User.objects.get(username="zeina")
    url = f"/staff/{zeina.pk}/initial-password/"

    assert url in links_of(created)
    assert GIVEN not in body(created)
    assert GIVEN in body(client.post(url))
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name) == (Action.INITIAL_PASSWORD_REVEALED, "zeina")


def test_the_initial_password_asks_others_for_their_own(asha: User, nadia: User) -> None:
    send(signed_in(nadia), NEW, **wish())
    url = f"/staff/{User.objects.get(username='zeina').pk}/initial-password/"
    client = signed_in(asha)

    assert GIVEN not in body(client.post(url))
    assert GIVEN in body(client.post(url, {"own_password": PASSWORD}))


def test_who_is_removed_is_out_on_the_next_request_and_cannot_come_back(nadia: User, zeina: User) -> None:
    client = signed_in(zeina)

    response = send(signed_in(nadia), f"/staff/{zeina.pk}/removal/")

    assert response.status_code == 303
    assert client.get("/").status_code == 302
    assert client.post("/sign-in/", {"login": "zeina", "password": PASSWORD}).status_code == 422
    assert AuditEntry.objects.get(action=Action.LOGIN_REMOVED).object_name == "zeina"


def test_the_name_of_who_was_removed_stays_reserved(nadia: User, zeina: User) -> None:
    client = signed_in(nadia)
    send(client, f"/staff/{zeina.pk}/removal/")

    assert error_at(send(client, NEW, **wish()), "username").startswith("The username “zeina” is taken.")


def test_who_is_restored_signs_in_again(nadia: User, zeina: User) -> None:
    client = signed_in(nadia)
    send(client, f"/staff/{zeina.pk}/removal/")

    send(client, f"/staff/{zeina.pk}/restoration/")

    assert signed_in(zeina).post("/sign-in/", {"login": "zeina", "password": PASSWORD}).status_code == 302
    assert AuditEntry.objects.filter(action=Action.LOGIN_RESTORED).count() == 1


def test_removing_or_restoring_twice_is_once(nadia: User, zeina: User) -> None:
    client = signed_in(nadia)
    for act in ("removal", "removal", "restoration", "restoration"):
        client.post(f"/staff/{zeina.pk}/{act}/")

    assert AuditEntry.objects.filter(action__in=[Action.LOGIN_REMOVED, Action.LOGIN_RESTORED]).count() == 2


def test_the_list_holds_ones_own_staff_and_that_of_ones_subs(
    asha: User, nadia: User, northeast: Reseller, south: Reseller, zeina: User
) -> None:
    make_staff(asha, northeast, "of.northeast", group("SUPPORT"))
    make_staff(asha, south, "of.south", group("SUPPORT"))

    rows = rows_of(signed_in(nadia).get("/staff/"))

    assert [(row[0], row[2]) for row in rows] == [
        ("of.northeast of.northeast", "Northeast Net"),
        ("zeina zeina", "North Net"),
    ]


def test_an_admin_sees_all_staff_and_no_own_login_of_a_reseller(asha: User, zeina: User, sami: User) -> None:
    assert list(StaffLogin.objects.visible_to(seat_of(asha))) == [zeina]


def test_a_parent_sees_its_subs_staff_and_does_not_act_on_it(asha: User, nadia: User, northeast: Reseller) -> None:
    staff = make_staff(asha, northeast, "of.northeast", group("SUPPORT"))
    client = signed_in(nadia)

    assert "of.northeast" in body(client.get(f"/resellers/{northeast.pk}/staff/"))
    for act in ("edit", "password", "initial-password", "removal", "restoration"):
        assert client.post(f"/staff/{staff.pk}/{act}/", {"own_password": PASSWORD}).status_code == 403


@pytest.mark.parametrize("act", ["edit", "password", "initial-password", "removal", "restoration"])
def test_south_cannot(sami: User, zeina: User, act: str) -> None:
    form = {"own_password": PASSWORD, "password": GIVEN, "permission_group": group("SUPPORT").pk}

    assert signed_in(sami).post(f"/staff/{zeina.pk}/{act}/", form).status_code == 404
    assert User.objects.get(pk=zeina.pk).is_active


def test_the_operations_refuse_strangers_themselves(sami: User, zeina: User, petra: User) -> None:
    acts = [
        partial(operations.edit_staff, full_name="x", permission_group=group("SUPPORT")),
        partial(operations.set_password_of_staff, password=GIVEN, own_password=PASSWORD),
        partial(operations.reveal_initial_password_of_staff, own_password=PASSWORD),
        operations.remove_staff,
        operations.restore_staff,
    ]

    for act in acts:
        for stranger in (sami, petra):
            with pytest.raises(Forbidden):
                act(actor=seat_of(stranger), user_id=zeina.pk, now=NOW)
    with pytest.raises(Forbidden):
        operations.create_staff(actor=seat_of(petra), now=NOW, **wish(permission_group=group("SUPPORT")))


def test_who_reads_all_resellers_does_not_read_their_staff(asha: User, zeina: User, north: Reseller) -> None:
    codes = ["resellers.view_all", "staff.view"]
    auditor = make_reseller(
        asha, "auditor", "Auditor Net", permission_group=PermissionGroup.objects.create(name="Auditors", codes=codes)
    )
    client = signed_in(auditor.user)

    assert client.get(f"/resellers/{north.pk}/").status_code == 200
    assert client.get(f"/resellers/{north.pk}/staff/").status_code == 404
    assert "zeina" not in body(client.get("/staff/"))


def test_nobody_makes_themselves_a_way_in_from_a_borrowed_seat(asha: User, north: Reseller, zeina: User) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})

    assert client.post(NEW, wish(username="back.door")).status_code == 403
    assert client.post(f"/staff/{zeina.pk}/password/", {"password": GIVEN, "own_password": PASSWORD}).status_code == 403
    assert client.post(f"/staff/{zeina.pk}/initial-password/", {"own_password": PASSWORD}).status_code == 403
    client.post(f"/staff/{zeina.pk}/edit/", {"email": "mine@else.example", "permission_group": group("SUPPORT").pk})
    assert User.objects.get(pk=zeina.pk).email is None
    assert not User.objects.filter(username="back.door").exists()


def test_staff_share_the_allowed_ips_of_their_reseller(north: Reseller, zeina: User) -> None:
    client = signed_in(zeina)
    assert client.get("/").status_code == 200

    Reseller.objects.filter(pk=north.pk).update(allowed_ips="203.0.113.7")

    assert client.get("/").status_code == 403


def test_the_search_and_the_removed_are_in_the_address(nadia: User, zeina: User, chief: User) -> None:
    User.objects.filter(pk=chief.pk).update(is_active=False)
    client = signed_in(nadia)

    assert [row[0] for row in rows_of(client.get("/staff/"))] == ["zeina zeina"]
    assert [row[0] for row in rows_of(client.get("/staff/?view=removed"))] == ["chief chief"]
    assert "No staff login matches" in body(client.get("/staff/?q=nobody"))


def test_the_list_costs_the_same_however_long_it_is(
    asha: User, nadia: User, north: Reseller, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        make_staff(asha, north, f"clerk{number}", group("SUPPORT"))
    client = signed_in(nadia)

    with django_assert_max_num_queries(10):
        client.get("/staff/")
    with django_assert_max_num_queries(10):
        client.get(f"/resellers/{north.pk}/staff/")


def test_the_copy_is_kept_for_staff(nadia: User) -> None:
    send(signed_in(nadia), NEW, **without(wish(), "nothing"))

    assert InitialPassword.objects.filter(user__username="zeina").exists()
