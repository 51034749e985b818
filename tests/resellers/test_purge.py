"""Deleting a reseller for good: its names are free, its personal data is gone, the books stay."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import InitialPassword, KnownAddress, LoginName, PermissionGroup, RecoveryCode, TwoStep, User
from accounts.operations import GroupInUse, WrongPassword, delete_group
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Level
from resellers.models import Reseller
from resellers.operations import (
    NotDeleted,
    OtherUsername,
    Purged,
    delete_reseller,
    purge_reseller,
    restore_reseller,
    transfer_to_reseller,
    withdraw_from_reseller,
)
from tests.cast import NOW, PASSWORD, group, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, error_at, rows_of, send
from wallet.models import Entry, LedgerAccount


def purge_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/purge/"


def purge(actor: User, reseller: Reseller, username: str = "west", password: str = PASSWORD) -> None:
    purge_reseller(
        actor=seat_of(actor),
        reseller_id=reseller.pk,
        typed_username=username,
        own_password=password,
        now=timezone.now(),
    )


@pytest.fixture
def west(asha: User) -> Reseller:
    """Return a deleted reseller that had money, staff and a history."""
    west = make_reseller(
        asha,
        "west",
        "West Net",
        email="Office@West.example",
        phone="+961 3 555 014",
        full_name="Wadih West",
        address="1 West Street",
        tax_line="VAT 77",
        invoice_prefix="WN-",
        identity_verified_by="asha",
        agreement_reference="A-17",
        now=timezone.now(),
    )
    make_staff(asha, west, "west.clerk", group("SALES"))
    for act in (transfer_to_reseller, withdraw_from_reseller):
        act(actor=seat_of(asha), reseller_id=west.pk, amount=Decimal(5), note="May", now=NOW)
    KnownAddress.objects.create(user=west.user, address="203.0.113.4", last_used_at=NOW)
    TwoStep.objects.create(user=west.user, ciphertext=b"x", confirmed_at=NOW)
    RecoveryCode.objects.create(user=west.user, digest=b"x")
    delete_reseller(actor=seat_of(asha), reseller_id=west.pk, now=timezone.now())
    return west


def test_its_names_are_free_for_another_login(asha: User, west: Reseller) -> None:
    response = send(signed_in(asha), purge_of(west), typed_username="WEST ", own_password=PASSWORD)

    assert response.status_code == 303
    another = make_reseller(asha, "west", "Another West", email="office@west.example")
    clerk = make_reseller(asha, "west.clerk", "The Clerk's Own")
    assert (another.user.username, clerk.user.username) == ("west", "west.clerk")


def test_what_is_known_of_the_company_and_its_people_is_erased(asha: User, west: Reseller) -> None:
    purge(asha, west)

    west = Reseller.objects.get(pk=west.pk)
    assert (west.company_name, west.address, west.agreement_reference) == (f"Deleted reseller {west.pk}", "", "")
    assert (west.identity_verified_by, west.tax_line, west.invoice_prefix) == ("", "", "")
    for login in User.objects.filter(reseller=west):
        assert (login.email, login.phone, login.full_name, login.is_active) == (None, "", "", False)
        assert not login.has_usable_password()
        assert LoginName.objects.get(user=login).name == login.username
        assert login.username.startswith(f"deleted-{login.pk}-")
    for model in (InitialPassword, KnownAddress, TwoStep, RecoveryCode):
        assert not model.objects.filter(user__reseller=west).exists(), model


def test_it_and_its_logins_leave_their_permission_group_which_can_then_be_deleted(asha: User, west: Reseller) -> None:
    held = group("SALES")
    Level.objects.update(default_permission_group=None)
    Reseller.objects.filter(pk=west.pk).update(permission_group=held)
    with pytest.raises(GroupInUse):
        delete_group(actor=seat_of(asha), group_id=held.pk, now=NOW)

    purge(asha, west)

    counted = PermissionGroup.objects.for_list().get(pk=held.pk)
    assert (counted.reseller_count, counted.login_count) == (0, 0)
    delete_group(actor=seat_of(asha), group_id=held.pk, now=NOW)


def test_nobody_signs_in_by_the_new_name_either(asha: User, west: Reseller) -> None:
    purge(asha, west)

    for login in User.objects.filter(reseller=west):
        assert not login.check_password(PASSWORD)
        assert login.is_removed


def test_the_books_and_the_trail_stay_as_they_are(asha: User, west: Reseller) -> None:
    entries, trail = list(Entry.objects.values()), list(AuditEntry.objects.order_by("id").values())

    purge(asha, west)

    assert list(Entry.objects.values()) == entries
    assert list(AuditEntry.objects.order_by("id").values())[: len(trail)] == trail
    assert LedgerAccount.objects.get(pk=west.wallet_id).name == "West Net"
    assert LedgerAccount.objects.get(pk=west.wallet_id).closed_at


def test_its_pages_still_show_its_history_to_an_admin(asha: User, west: Reseller) -> None:
    client = signed_in(asha)
    purge(asha, west)

    transactions = client.get(f"/resellers/{west.pk}/transactions/")
    assert len(rows_of(transactions)) == 2
    for tab in ("", "subscribers/", "subs/", "audit/"):
        page = client.get(f"/resellers/{west.pk}/{tab}")
        assert page.status_code == 200
        assert "Deleted for good" in body(page)
    assert "deleted-" not in body(client.get(f"/resellers/{west.pk}/"))


def test_the_counterparty_of_a_purged_sub_is_still_named(asha: User, north: Reseller, northeast: Reseller) -> None:
    transfer_to_reseller(actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(50), note="", now=NOW)
    for act in (transfer_to_reseller, withdraw_from_reseller):
        act(actor=seat_of(north.user), reseller_id=northeast.pk, amount=Decimal(5), note="", now=NOW)
    delete_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)

    purge(asha, northeast, "noora")

    for user in (asha, north.user):
        assert "Northeast Net" in body(signed_in(user).get(f"/resellers/{north.pk}/transactions/"))


def test_it_is_on_no_tab_of_the_list_any_more(asha: User, west: Reseller) -> None:
    purge(asha, west)

    response = signed_in(asha).get("/resellers/?view=deleted")

    assert rows_of(response) == []


def test_the_trail_says_which_names_became_free_and_nothing_of_the_people(asha: User, west: Reseller) -> None:
    purge(asha, west)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.object_id) == (Action.RESELLER_PURGED, "West Net", west.pk)
    assert entry.changes["username"] == ["west", None]
    assert entry.changes["staff"] == [["west.clerk"], None]
    assert set(entry.changes) == {"username", "staff", "purged_at"}


def test_another_username_and_a_wrong_password_are_refused_at_their_fields(asha: User, west: Reseller) -> None:
    client = signed_in(asha)

    username = send(client, purge_of(west), typed_username="wets", own_password=PASSWORD)
    password = send(client, purge_of(west), typed_username="west", own_password="wrong-password")

    assert error_at(username, "typed_username") == "This is not the reseller's username."
    assert error_at(password, "own_password") == "This is not your password."
    assert not Reseller.objects.get(pk=west.pk).is_purged
    with pytest.raises(OtherUsername):
        purge(asha, west, "wets")
    with pytest.raises(WrongPassword):
        purge(asha, west, password="wrong-password")


def test_only_a_deleted_one_is_purged_and_only_once(asha: User, west: Reseller, south: Reseller) -> None:
    with pytest.raises(NotDeleted):
        purge(asha, south, "sami")
    purge(asha, west)

    tombstone = User.objects.get(pk=west.user_id).username
    with pytest.raises(Purged):
        purge(asha, west, tombstone)
    with pytest.raises(Purged):
        restore_reseller(actor=seat_of(asha), reseller_id=west.pk, now=NOW + timedelta(days=1))


def test_nobody_but_an_admin_in_their_own_seat_purges(asha: User, nadia: User, west: Reseller) -> None:
    borrowed = signed_in(asha)
    borrowed.post(f"/resellers/{nadia.reseller_id}/seats/", {"reason": "to look"})

    for client in (signed_in(nadia), borrowed):
        answer = client.post(purge_of(west), {"typed_username": "west", "own_password": PASSWORD})
        assert answer.status_code == 403
    with pytest.raises(Forbidden):
        purge(nadia, west)
    assert not Reseller.objects.get(pk=west.pk).is_purged
