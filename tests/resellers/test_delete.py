"""Deleting a reseller, which is hidden and closed then, and restoring it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.operations import UsernameTaken
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import (
    NotDeleted,
    ParentDeleted,
    ResellerDeleted,
    StillInUse,
    create_reseller,
    delete_reseller,
    edit_reseller,
    restore_reseller,
    transfer_to_reseller,
    withdraw_from_reseller,
)
from subscribers.models import Subscriber
from subscribers.operations import add_subscriber
from tests.cast import NOW, PASSWORD, fund, group, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, links_of, rows_of
from tests.threads import at_once
from wallet.ledger import WalletClosed
from wallet.models import LedgerAccount, Transfer


def deletion_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/deletion/"


def restoration_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/restoration/"


def delete(actor: User, reseller: Reseller) -> None:
    delete_reseller(actor=seat_of(actor), reseller_id=reseller.pk, now=timezone.now())


def restore(actor: User, reseller: Reseller) -> None:
    restore_reseller(actor=seat_of(actor), reseller_id=reseller.pk, now=timezone.now())


def line_of(reseller: Reseller, home: Plan, username: str = "line") -> Subscriber:
    return Subscriber.objects.create(
        username=username, plan=home, reseller=reseller, password_ciphertext=b"x", created_at=NOW, updated_at=NOW
    )


def is_deleted(reseller: Reseller) -> bool:
    return Reseller.objects.get(pk=reseller.pk).is_deleted


def names_in(client: Client, url: str) -> set[str]:
    return {row[0].split()[0] for row in rows_of(client.get(url))}


# --- deleting ---------------------------------------------------------------------------------------------------------


def test_an_empty_reseller_is_deleted_its_wallet_closed_and_its_sign_ins_ended(asha: User, south: Reseller) -> None:
    sami = signed_in(south.user)
    clerk = signed_in(make_staff(asha, south, "clerk", group("SALES")))

    response = signed_in(asha).post(deletion_of(south))

    assert (response.status_code, response.url) == (303, f"/resellers/{south.pk}/")
    assert is_deleted(south)
    assert LedgerAccount.objects.get(pk=south.wallet_id).closed_at
    assert {client.get("/").status_code for client in (sami, clerk)} == {302}
    assert not Session.objects.filter(user__reseller=south).exists()


def test_a_right_password_of_a_deleted_one_gets_the_usual_answer(asha: User, south: Reseller) -> None:
    delete(asha, south)

    response = Client().post("/sign-in/", {"login": "sami", "password": PASSWORD})

    assert response.status_code == 422
    assert "Username or password is wrong." in body(response)


def test_it_is_refused_with_all_that_is_in_the_way_at_once(
    asha: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    line_of(north, home, "one")
    line_of(north, home, "two")
    fund(north.wallet, "12.50", actor=asha)
    client = signed_in(asha)

    asked, pressed = client.get(deletion_of(north)), client.post(deletion_of(north))

    assert (asked.status_code, pressed.status_code) == (200, 422)
    for page in (body(asked), body(pressed)):
        assert "It has 2 subscribers that are not terminated." in page
        assert "It has one sub-reseller. Delete it first." in page
        assert "Its balance is 12.50 USD. Withdraw it first." in page
    assert not is_deleted(north)
    assert "Delete reseller" not in body(asked)


def test_a_debt_is_in_the_way_too(asha: User, south: Reseller, home: Plan) -> None:
    LedgerAccount.objects.filter(pk=south.wallet_id).update(credit_limit=100)
    add_subscriber(actor=seat_of(asha), reseller=south, plan=home, username="a", password="line-password", now=NOW)
    south.subscribers.update(terminated_at=NOW)

    with pytest.raises(StillInUse, match="Transfer what is owed first"):
        delete(asha, south)


def test_terminated_subscribers_and_deleted_subs_are_not_in_the_way(
    asha: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    line_of(north, home)
    Subscriber.objects.update(terminated_at=NOW)
    delete(asha, northeast)

    delete(asha, north)

    assert is_deleted(north)


def test_a_parent_deletes_its_own_empty_sub_and_gets_back_to_its_list(nadia: User, northeast: Reseller) -> None:
    response = signed_in(nadia).post(deletion_of(northeast))

    assert (response.status_code, response.url) == (303, "/resellers/")
    assert is_deleted(northeast)


def test_a_parent_does_not_delete_a_sub_with_a_subscriber(nadia: User, northeast: Reseller, home: Plan) -> None:
    line_of(northeast, home)

    response = signed_in(nadia).post(deletion_of(northeast))

    assert "It has one subscriber that is not terminated." in body(response)
    assert not is_deleted(northeast)


def test_strangers_subs_and_the_reseller_itself_cannot_delete(
    nadia: User, noora: User, sami: User, north: Reseller, northeast: Reseller
) -> None:
    assert signed_in(sami).post(deletion_of(northeast)).status_code == 404
    assert signed_in(noora).post(deletion_of(northeast)).status_code == 403
    assert signed_in(nadia).post(deletion_of(north)).status_code == 403
    assert not Reseller.objects.restorable().exists()


def test_deleting_and_restoring_are_in_the_trail(asha: User, south: Reseller) -> None:
    delete(asha, south)
    restore(asha, south)

    restored, deleted = AuditEntry.objects.filter(object_type="reseller", object_id=south.pk).order_by("-id")[:2]
    assert (deleted.action, restored.action) == (Action.RESELLER_DELETED, Action.RESELLER_RESTORED)
    assert deleted.changes["deleted_at"][0] is None
    assert restored.changes == {"deleted_at": [deleted.changes["deleted_at"][1], None]}


# --- what is hidden then ----------------------------------------------------------------------------------------------


def test_it_leaves_every_list_count_and_choice(
    asha: User, nadia: User, noor: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    delete(asha, northeast)
    delete(asha, south)

    admin = signed_in(asha)
    assert names_in(admin, "/resellers/") == {"North", "Partner"}
    assert names_in(signed_in(nadia), "/resellers/") == set()
    assert names_in(signed_in(noor), "/resellers/") == {"North"}
    assert admin.get("/resellers/").context["total"] == 2
    assert admin.get("/").context["resellers"].all == 2
    assert names_in(admin, f"/resellers/{north.pk}/subs/") == set()
    assert admin.get(f"/resellers/{north.pk}/").context["reseller"].sub_count == 0
    for url, field in (("/resellers/new", "parent"), ("/subscribers/new", "reseller"), ("/subscribers/", "reseller")):
        assert not {"South Net", "Northeast Net"} & {
            str(label) for _value, label in admin.get(url).context["form"].fields[field].choices
        }


def test_for_everybody_but_an_admin_its_page_is_gone(asha: User, nadia: User, noor: User, northeast: Reseller) -> None:
    delete(asha, northeast)

    page = f"/resellers/{northeast.pk}/"
    assert [signed_in(user).get(page).status_code for user in (asha, nadia, noor)] == [200, 404, 404]


def test_the_admins_tab_of_the_deleted_offers_what_can_be_done(asha: User, nadia: User, south: Reseller) -> None:
    delete(asha, south)
    client = signed_in(asha)

    response = client.get("/resellers/?view=deleted")

    assert [(row[0].split()[0], row[1]) for row in rows_of(response)] == [("South", "Deleted")]
    assert {restoration_of(south), f"/resellers/{south.pk}/purge/"} <= links_of(response)
    assert not {f"/resellers/{south.pk}/{act}/" for act in ("edit", "transfers", "seats", "deletion")} & links_of(
        response
    )
    assert "deleted" not in [key for key, _label, _count in signed_in(nadia).get("/resellers/").context["tabs"]]


def test_its_transactions_stay_and_link_only_where_there_is_something_to_open(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "50", actor=asha)
    transfer_to_reseller(actor=seat_of(nadia), reseller_id=northeast.pk, amount=Decimal(5), note="", now=NOW)
    withdraw_from_reseller(actor=seat_of(nadia), reseller_id=northeast.pk, amount=Decimal(5), note="", now=NOW)

    delete(asha, northeast)

    own = signed_in(nadia).get(f"/resellers/{north.pk}/transactions/")
    assert "Northeast Net" in body(own)
    assert f"/resellers/{northeast.pk}/transactions/" not in links_of(own)
    assert len(rows_of(signed_in(asha).get(f"/resellers/{northeast.pk}/transactions/"))) == 2


def test_the_parent_still_reads_in_its_trail_that_it_deleted_its_sub(nadia: User, northeast: Reseller) -> None:
    delete(nadia, northeast)

    assert "Deleted reseller" in body(signed_in(nadia).get("/audit/"))


def test_its_names_stay_reserved(asha: User, south: Reseller) -> None:
    delete(asha, south)

    with pytest.raises(UsernameTaken):
        make_reseller(asha, "sami", "Another Net")


# --- what is refused then ---------------------------------------------------------------------------------------------

ACTS: dict[str, Callable[[User, Reseller], object]] = {
    "transfer": lambda asha, reseller: transfer_to_reseller(
        actor=seat_of(asha), reseller_id=reseller.pk, amount=Decimal(1), note="", now=NOW
    ),
    "withdraw": lambda asha, reseller: withdraw_from_reseller(
        actor=seat_of(asha), reseller_id=reseller.pk, amount=Decimal(1), note="", now=NOW
    ),
    "edit": lambda asha, reseller: edit_reseller(
        actor=seat_of(asha), reseller_id=reseller.pk, company_name="Else", now=NOW
    ),
    "delete": delete,
    "add a subscriber": lambda asha, reseller: add_subscriber(
        actor=seat_of(asha),
        reseller=reseller,
        plan=Plan.objects.get(),
        username="line",
        password="line-password",
        activate=False,
        now=NOW,
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_done_to_a_deleted_one(asha: User, south: Reseller, home: Plan, act: str) -> None:
    delete(asha, south)

    with pytest.raises(ResellerDeleted, match=r"South Net is deleted\. Restore it first\."):
        ACTS[act](asha, south)


def test_the_closed_wallet_itself_takes_nothing(asha: User, south: Reseller) -> None:
    delete(asha, south)

    with pytest.raises(WalletClosed):
        fund(south.wallet, "5", actor=asha)


def test_it_is_nobodys_new_parent(asha: User, north: Reseller, south: Reseller) -> None:
    delete(asha, south)

    with pytest.raises(ParentDeleted):
        make_reseller(asha, "new", "New Net", parent=south)
    with pytest.raises(ParentDeleted):
        edit_reseller(actor=seat_of(asha), reseller_id=north.pk, parent=south, now=NOW)


def test_its_staff_is_gone_with_it_and_comes_back_with_it(asha: User, south: Reseller) -> None:
    clerk = make_staff(asha, south, "clerk", group("SALES"))
    client = signed_in(asha)

    delete(asha, south)
    assert client.get(f"/staff/{clerk.pk}/edit/").status_code == 404

    restore(asha, south)
    assert client.get(f"/staff/{clerk.pk}/edit/").status_code == 200


def test_nobody_logs_in_as_it_and_who_sat_there_is_led_back(asha: User, south: Reseller) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{south.pk}/seats/", {"reason": "to look"})

    delete(asha, south)

    assert client.get("/resellers/").status_code == 302
    assert "You may no longer be in the other panel." in body(client.get("/"))
    again = client.post(f"/resellers/{south.pk}/seats/", {"reason": "to look"})
    assert (again.status_code, "nobody can log in to it" in body(again)) == (422, True)


# --- restoring --------------------------------------------------------------------------------------------------------


def test_restoring_opens_the_wallet_and_the_sign_in(asha: User, south: Reseller) -> None:
    delete(asha, south)

    response = signed_in(asha).post(restoration_of(south))

    assert response.status_code == 303
    fund(south.wallet, "5", actor=asha)
    client = Client()
    client.post("/sign-in/", {"login": "sami", "password": PASSWORD})
    assert client.get("/").status_code == 200


def test_a_suspended_one_is_restored_as_suspended(asha: User, south: Reseller) -> None:
    signed_in(asha).post(f"/resellers/{south.pk}/suspension/", {"reason": "x"})
    delete(asha, south)

    restore(asha, south)

    assert Client().post("/sign-in/", {"login": "sami", "password": PASSWORD}).status_code == 403


def test_a_sub_is_not_restored_under_a_deleted_parent(asha: User, north: Reseller, northeast: Reseller) -> None:
    delete(asha, northeast)
    delete(asha, north)

    response = signed_in(asha).post(restoration_of(northeast))

    assert response.status_code == 422
    assert "North Net is deleted and cannot be a parent." in body(response)
    assert is_deleted(northeast)


def test_only_an_admin_restores_and_only_what_is_deleted(
    asha: User, nadia: User, south: Reseller, northeast: Reseller
) -> None:
    delete(asha, northeast)

    assert signed_in(nadia).post(restoration_of(northeast)).status_code == 403
    with pytest.raises(Forbidden):
        restore(nadia, northeast)
    with pytest.raises(NotDeleted):
        restore(asha, south)
    assert is_deleted(northeast)


# --- at the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(5))
def test_a_subscriber_added_at_the_same_moment_and_the_deletion_do_not_both_succeed(
    committing: None, asha: User, south: Reseller, home: Plan, attempt: int
) -> None:
    add = ACTS["add a subscriber"]

    added, deleted = at_once(lambda: add(asha, south), lambda: delete(asha, south))

    assert isinstance(added, ResellerDeleted) != isinstance(deleted, StillInUse)
    assert is_deleted(south) == isinstance(added, ResellerDeleted)
    assert Subscriber.objects.exists() != is_deleted(south)


@pytest.mark.parametrize("attempt", range(5))
def test_money_posted_at_the_same_moment_and_the_deletion_do_not_both_succeed(
    committing: None, asha: User, south: Reseller, attempt: int
) -> None:
    moved, deleted = at_once(lambda: ACTS["transfer"](asha, south), lambda: delete(asha, south))

    assert isinstance(moved, ResellerDeleted | WalletClosed) != isinstance(deleted, StillInUse)
    assert Transfer.objects.exists() != is_deleted(south)


@pytest.mark.parametrize("attempt", range(5))
def test_a_sub_created_at_the_same_moment_and_the_deletion_do_not_both_succeed(
    committing: None, asha: User, south: Reseller, attempt: int
) -> None:
    def create() -> Reseller:
        return create_reseller(
            actor=seat_of(asha), username="new", password=PASSWORD, company_name="New Net", parent=south, now=NOW
        )

    created, deleted = at_once(create, lambda: delete(asha, south))

    assert isinstance(created, ParentDeleted) != isinstance(deleted, StillInUse)
    assert Reseller.objects.filter(parent=south).exists() != is_deleted(south)
