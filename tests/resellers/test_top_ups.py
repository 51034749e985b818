"""Top-up requests: asking, answering, and taking one back."""

import re
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.seats import Seat
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from resellers import operations
from resellers.models import Reseller, TopUpRequest, TopUpStatus
from resellers.operations import AlreadyAnswered, AlreadyAsked, StillInUse
from tests.cast import NOW, fund, group, make_reseller, make_staff, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.pages import body, counts, error_at, filled, links_of, rows_of, send
from tests.subscribers.lines import balance_of
from tests.threads import at_once
from wallet.ledger import InsufficientFunds
from wallet.models import Transfer, TransferKind
from wallet.operations import reverse_transfer

LIST, ASK = "/top-up-requests/", "/top-up-requests/new"
PAID = "Bank transfer of 14 May"


def ask(actor: User, amount: str = "200", note: str = PAID, **details: Any) -> TopUpRequest:
    return operations.ask_for_top_up(
        actor=seat_of(actor), amount=Decimal(amount), note=note, **({"now": NOW} | details)
    )


def approve(actor: User, asked: TopUpRequest, **details: Any) -> TopUpRequest:
    return operations.approve_top_up(actor=seat_of(actor), request_id=asked.pk, **({"now": NOW} | details))


def refuse(actor: User, asked: TopUpRequest, reason: str = "Nothing came in") -> TopUpRequest:
    return operations.refuse_top_up(actor=seat_of(actor), request_id=asked.pk, reason=reason, now=NOW)


def cancel(actor: User, asked: TopUpRequest) -> TopUpRequest:
    return operations.cancel_top_up(actor=seat_of(actor), request_id=asked.pk, now=NOW)


def delete(actor: User, reseller: Reseller) -> None:
    operations.delete_reseller(actor=seat_of(actor), reseller_id=reseller.pk, now=NOW)


def act_on(asked: TopUpRequest, act: str) -> str:
    return f"/top-up-requests/{asked.pk}/{act}/"


def status_of(asked: TopUpRequest) -> str:
    return TopUpRequest.objects.get(pk=asked.pk).status


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_reseller_asks_and_says_how_it_paid(nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)

    response = send(client, ASK, amount="200", note=PAID)

    asked = TopUpRequest.objects.get()
    assert (response.status_code, response.url) == (303, LIST)
    assert "You asked for 200.00 USD." in body(client.get(LIST))
    assert (asked.reseller, asked.amount, asked.note, asked.asked_by) == (north, 200, PAID, "nadia")
    assert rows_of(client.get(LIST))[0][:4] == ["North Net", "Waiting", "200.00", PAID]
    assert balance_of(north) == 0


def test_asking_is_audited(nadia: User, north: Reseller) -> None:
    asked = ask(nadia)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.reseller_id) == (Action.TOP_UP_ASKED, "North Net", north.pk)
    assert entry.detail == f"200.00 USD · {PAID}"
    assert entry.changes == {"request": [None, asked.pk], "amount": [None, "200"]}


def test_one_request_waits_at_a_time(nadia: User) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(ASK), amount="300", note="Cash")
    ask(nadia)
    before = counts()

    response = client.post(ASK, contents)

    assert response.status_code == 422
    assert "A request for 200.00 USD is waiting for its answer. Cancel it first" in body(response)
    assert (counts(), TopUpRequest.objects.count()) == (before, 1)
    cancel(nadia, TopUpRequest.objects.get())
    assert send(client, ASK, amount="300", note="Cash").status_code == 303


def test_the_same_form_twice_asks_once(nadia: User) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(ASK), amount="200", note=PAID)

    first, second = (client.post(ASK, contents) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 303)
    assert TopUpRequest.objects.count() == 1


def test_two_of_one_reseller_at_once_ask_once(committing: None, nadia: User) -> None:
    results = at_once(lambda: ask(nadia), lambda: ask(nadia, "300"))

    assert sorted(type(result).__name__ for result in results) == [AlreadyAsked.__name__, TopUpRequest.__name__]


@pytest.mark.parametrize("amount", ["0", "-5", "1e3", "1.234", ""])
def test_what_is_no_amount_is_refused_at_its_field(nadia: User, amount: str) -> None:
    response = send(signed_in(nadia), ASK, amount=amount)

    assert response.status_code == 422
    assert error_at(response, "amount")
    assert not TopUpRequest.objects.exists()


def test_who_only_reads_does_not_ask(asha: User, noor: User, north: Reseller) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    for user in (noor, helper):
        assert signed_in(user).get(ASK).status_code == 403
        assert signed_in(user).post(ASK, {"amount": "5"}).status_code == 403
    assert ASK not in links_of(signed_in(noor).get(LIST))
    assert signed_in(helper).get(LIST).status_code == 403


def test_an_admin_has_no_wallet_to_ask_for(asha: User) -> None:
    assert signed_in(asha).get(ASK).status_code == 403
    with pytest.raises(Forbidden):
        ask(asha)


# --- approving --------------------------------------------------------------------------------------------------------


def test_an_admin_approves_from_the_platform_with_the_note_of_the_request(
    asha: User, nadia: User, north: Reseller
) -> None:
    asked, client = ask(nadia), signed_in(asha)

    response = send(client, act_on(asked, "approval"))

    transfer = Transfer.objects.get()
    assert (response.status_code, response.url) == (303, LIST)
    assert "200.00 USD transferred to North Net." in body(client.get(LIST))
    assert (transfer.kind, transfer.note, transfer.amount) == (TransferKind.TRANSFER, PAID, 200)
    assert balance_of(north) == 200
    asked.refresh_from_db()
    assert (asked.status, asked.decided_by, asked.transfer) == (TopUpStatus.APPROVED, "asha", transfer)
    assert rows_of(signed_in(nadia).get(f"{LIST}?view=approved"))[0][1] == "Approved"


def test_a_parent_approves_from_its_own_wallet(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "500", actor=asha)
    asked = ask(noora)

    send(signed_in(nadia), act_on(asked, "approval"))

    assert (balance_of(north), balance_of(northeast)) == (300, 200)


def test_an_admin_approves_for_a_sub_reseller_too(
    asha: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    approve(asha, ask(noora))

    assert (balance_of(north), balance_of(northeast)) == (0, 200)


def test_approving_is_audited(asha: User, nadia: User, north: Reseller) -> None:
    asked = approve(asha, ask(nadia))

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.TOP_UP_APPROVED, "asha", north.pk)
    assert entry.detail == f"200.00 USD · {PAID}"
    assert asked.transfer
    assert asked.transfer.audit_entry == entry


def test_the_dialog_shows_both_balances(asha: User, nadia: User, noora: User, north: Reseller) -> None:
    fund(north.wallet, "500", actor=asha)
    asked = ask(noora)

    page = body(signed_in(nadia).get(act_on(asked, "approval")))

    assert "Your wallet 500.00 → 300.00" in page
    assert "Northeast Net 0.00 → 200.00" in page
    assert PAID in page


def test_without_the_parents_money_nothing_changes(nadia: User, noora: User, northeast: Reseller) -> None:
    asked, client = ask(noora), signed_in(nadia)
    before = counts()

    response = send(client, act_on(asked, "approval"))

    assert response.status_code == 422
    assert "200.00 USD is missing: the wallet holds 0.00 USD, and the credit limit does not count." in body(response)
    assert (counts(), status_of(asked), balance_of(northeast)) == (before, TopUpStatus.OPEN, 0)


@pytest.mark.parametrize(("first", "word"), [(approve, "approved"), (refuse, "refused")])
def test_an_answer_stands(asha: User, nadia: User, north: Reseller, first: Any, word: str) -> None:
    asked, client = ask(nadia), signed_in(asha)
    forms = {act: filled(client.get(act_on(asked, act)), **typed) for act, typed in
             (("approval", {}), ("refusal", {"reason": "Late"}))}  # fmt: skip
    first(asha, asked)
    before = counts()

    for act, contents in forms.items():
        response = client.post(act_on(asked, act), contents)
        assert response.status_code == 422
        assert f"asha {word} this request before." in body(response)
    with pytest.raises(AlreadyAnswered):
        cancel(nadia, asked)
    assert counts() == before


def test_the_same_form_twice_approves_once(asha: User, nadia: User, north: Reseller) -> None:
    asked, client = ask(nadia), signed_in(asha)
    contents = filled(client.get(act_on(asked, "approval")))

    first, second = (client.post(act_on(asked, "approval"), contents) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 303)
    assert balance_of(north) == 200


def test_a_repeated_form_gets_no_answer_once_the_reseller_is_out_of_reach(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "500", actor=asha)
    asked, key = ask(noora), new_key("approve_top_up")
    approve(nadia, asked, key=key)
    Reseller.objects.filter(pk=northeast.pk).update(parent=None)

    with pytest.raises(Forbidden):
        approve(nadia, asked, key=key)


def test_two_admins_at_once_approve_it_once(committing: None, asha: User, nadia: User, north: Reseller) -> None:
    asked = ask(nadia)

    results = at_once(lambda: approve(asha, asked), lambda: approve(asha, asked))

    assert sorted(type(result).__name__ for result in results) == [AlreadyAnswered.__name__, TopUpRequest.__name__]
    assert balance_of(north) == 200


def test_a_cancel_that_races_an_approval_leaves_one_of_them(
    committing: None, asha: User, nadia: User, north: Reseller
) -> None:
    asked = ask(nadia)

    results = at_once(lambda: approve(asha, asked), lambda: cancel(nadia, asked))

    assert sorted(type(result).__name__ for result in results) == [AlreadyAnswered.__name__, TopUpRequest.__name__]
    assert balance_of(north) == (200 if status_of(asked) == TopUpStatus.APPROVED else 0)


def test_two_requests_at_once_spend_the_parents_money_once(
    committing: None, asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    west = make_reseller(asha, "wael", "Northwest Net", parent=north)
    fund(north.wallet, "300", actor=asha)
    first, second = ask(noora), ask(west.user)

    results = at_once(lambda: approve(nadia, first), lambda: approve(nadia, second))

    assert sorted(type(result).__name__ for result in results) == [InsufficientFunds.__name__, TopUpRequest.__name__]
    assert balance_of(north) == 100


def test_an_approval_leaves_nothing_behind_wherever_it_fails(
    committing: None, asha: User, nadia: User, north: Reseller
) -> None:
    asked, before = ask(nadia), counts()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                approve(asha, asked, key=new_key("approve_top_up"))
            break
        except OperationalError:
            assert (counts(), status_of(asked), balance_of(north)) == (before, TopUpStatus.OPEN, 0), failing.seen

    left = {name: now - before[name] for name, now in counts().items() if now != before[name]}
    assert left == {"transfers": 1, "entries": 2, "audit_entries": 1, "idempotency_keys": 1}
    assert (status_of(asked), balance_of(north)) == (TopUpStatus.APPROVED, 200)


# --- refusing and cancelling ------------------------------------------------------------------------------------------


def test_whoever_asked_reads_why_it_was_refused(asha: User, nadia: User, north: Reseller) -> None:
    asked = ask(nadia)

    response = send(signed_in(asha), act_on(asked, "refusal"), reason="Nothing came in")

    entry = AuditEntry.objects.latest("id")
    assert response.status_code == 303
    [row] = rows_of(signed_in(nadia).get(f"{LIST}?view=refused"))
    assert row[1] == "Refused"
    assert row[5].endswith("asha Nothing came in")
    assert (entry.action, entry.reseller_id) == (Action.TOP_UP_REFUSED, north.pk)
    assert entry.changes["reason"] == [None, "Nothing came in"]
    assert balance_of(north) == 0


def test_a_refusal_needs_a_reason(asha: User, nadia: User) -> None:
    asked = ask(nadia)

    response = send(signed_in(asha), act_on(asked, "refusal"), reason="")

    assert (response.status_code, error_at(response, "reason")) == (422, "This field is required.")
    assert status_of(asked) == TopUpStatus.OPEN


def test_a_reseller_takes_its_request_back(nadia: User, north: Reseller) -> None:
    asked, client = ask(nadia), signed_in(nadia)

    response = send(client, act_on(asked, "cancellation"))

    entry = AuditEntry.objects.latest("id")
    assert response.status_code == 303
    assert status_of(asked) == TopUpStatus.CANCELLED
    assert rows_of(client.get(LIST)) == []
    assert rows_of(client.get(f"{LIST}?view=all"))[0][1] == "Cancelled"
    assert (entry.action, entry.reseller_id) == (Action.TOP_UP_CANCELLED, north.pk)


def test_nobody_answers_their_own_request_nor_cancels_anothers(
    asha: User, nadia: User, noora: User, north: Reseller
) -> None:
    fund(north.wallet, "500", actor=asha)
    own, of_sub = ask(nadia), ask(noora)

    for act in ("approval", "refusal"):
        assert signed_in(nadia).post(act_on(own, act), {"reason": "Why not"}).status_code == 403
    for user, asked in ((nadia, of_sub), (asha, own)):
        assert signed_in(user).post(act_on(asked, "cancellation")).status_code == 403
    for refused in (lambda: approve(nadia, own), lambda: refuse(nadia, own), lambda: cancel(nadia, of_sub)):
        with pytest.raises(Forbidden):
            refused()


def test_south_knows_nothing_of_it(nadia: User, sami: User) -> None:
    asked = ask(nadia)

    for act in ("approval", "refusal", "cancellation"):
        for method in ("get", "post"):
            assert getattr(signed_in(sami), method)(act_on(asked, act)).status_code == 404
    assert rows_of(signed_in(sami).get(LIST)) == []
    for refused in (lambda: approve(sami, asked), lambda: refuse(sami, asked), lambda: cancel(sami, asked)):
        with pytest.raises(Forbidden):
            refused()


def test_an_approval_leads_to_its_transfer_and_says_that_it_was_taken_back(
    asha: User, nadia: User, north: Reseller
) -> None:
    asked = approve(asha, ask(nadia))
    url = f"/transfers/{asked.transfer_id}/"
    client = signed_in(nadia)
    before = client.get(f"{LIST}?view=approved")

    reverse_transfer(actor=seat_of(asha), transfer_id=asked.transfer_id or 0, reason="Never arrived", now=NOW)

    after = client.get(f"{LIST}?view=approved")
    assert [rows_of(page)[0][1] for page in (before, after)] == ["Approved", "Approved Reversed"]
    assert rows_of(after)[0][5].endswith(f"asha Transfer {asked.transfer_id}")
    assert url in links_of(after)
    assert client.get(url).status_code == 200
    dialog = signed_in(asha).get(act_on(asked, "refusal"))
    assert f"Transfer {asked.transfer_id} Reversed" in body(dialog)
    assert url in links_of(dialog)


# --- from a borrowed seat ---------------------------------------------------------------------------------------------


def test_asking_from_a_borrowed_seat_names_both(asha: User, nadia: User) -> None:
    as_nadia = Seat(seat_of(asha).login, seat_of(nadia).user)

    operations.ask_for_top_up(actor=as_nadia, amount=Decimal(5), note="", now=NOW)

    assert TopUpRequest.objects.get().asked_by == "asha as nadia"
    assert rows_of(signed_in(nadia).get(LIST))[0][4].endswith("asha as nadia")


def test_answering_from_a_borrowed_seat_names_both(asha: User, nadia: User, noora: User, north: Reseller) -> None:
    fund(north.wallet, "500", actor=asha)
    as_nadia = Seat(seat_of(asha).login, seat_of(nadia).user)
    first = ask(noora)

    operations.refuse_top_up(actor=as_nadia, request_id=first.pk, reason="No", now=NOW)
    second = operations.approve_top_up(actor=as_nadia, request_id=ask(noora).pk, now=NOW)

    first.refresh_from_db()
    assert (first.decided_by, second.decided_by) == ("asha as nadia", "asha as nadia")
    with pytest.raises(AlreadyAnswered, match=r"asha as nadia refused this request before\."):
        refuse(asha, first)


def test_two_long_names_are_cut_to_what_is_kept(asha: User, nadia: User) -> None:
    as_nadia = Seat(seat_of(asha).login, seat_of(nadia).user)
    as_nadia.login.username, as_nadia.user.username = "a" * 150, "n" * 150

    asked = operations.ask_for_top_up(actor=as_nadia, amount=Decimal(5), note="", now=NOW)

    assert asked.asked_by == f"{'a' * 150} as {'n' * 100}"


# --- of a deleted reseller --------------------------------------------------------------------------------------------


def test_with_its_reseller_a_request_is_cancelled(asha: User, nadia: User, north: Reseller) -> None:
    asked = ask(nadia)

    delete(asha, north)

    asked.refresh_from_db()
    assert (asked.status, asked.decided_by, asked.reason) == (
        TopUpStatus.CANCELLED,
        "asha",
        "The reseller was deleted.",
    )
    entry = AuditEntry.objects.get(action=Action.TOP_UP_CANCELLED)
    assert (entry.actor_name, entry.object_name, entry.reseller_id) == ("asha", "North Net", north.pk)
    assert entry.changes["request"] == [None, asked.pk]
    for answer in (approve, refuse):
        with pytest.raises(AlreadyAnswered):
            answer(asha, asked)


def test_what_is_answered_stays_as_it_is_when_its_reseller_is_deleted(asha: User, nadia: User, north: Reseller) -> None:
    asked = refuse(asha, ask(nadia))

    delete(asha, north)

    assert status_of(asked) == TopUpStatus.REFUSED
    assert not AuditEntry.objects.filter(action=Action.TOP_UP_CANCELLED).exists()


def test_a_reseller_that_cannot_be_deleted_waits_on(asha: User, nadia: User, north: Reseller) -> None:
    fund(north.wallet, "5", actor=asha)
    asked = ask(nadia)

    with pytest.raises(StillInUse):
        delete(asha, north)
    assert status_of(asked) == TopUpStatus.OPEN


@pytest.mark.parametrize("attempt", range(5))
def test_an_approval_and_the_deletion_at_the_same_moment_do_not_both_succeed(
    committing: None, asha: User, nadia: User, north: Reseller, attempt: int
) -> None:
    asked = ask(nadia)

    approved, deleted = at_once(lambda: approve(asha, asked), lambda: delete(asha, north))

    assert isinstance(approved, AlreadyAnswered) != isinstance(deleted, StillInUse), (approved, deleted)
    assert balance_of(north) == (200 if isinstance(deleted, StillInUse) else 0)


def test_only_admins_read_the_requests_of_a_deleted_one(asha: User, nadia: User, noor: User, north: Reseller) -> None:
    asked = ask(nadia)
    delete(asha, north)

    shown = {user: rows_of(signed_in(user).get(f"{LIST}?view=all")) for user in (asha, noor)}

    assert [row[0] for row in shown[asha]] == ["North Net"]
    assert shown[noor] == []
    assert not TopUpRequest.objects.visible_to(seat_of(noor)).filter(pk=asked.pk).exists()


# --- the list ---------------------------------------------------------------------------------------------------------


def tabs_of(response: Any) -> list[str]:
    return [f"{label} {number}" for _key, label, number in response.context["tabs"]]


def test_everybody_sees_their_own_scope_and_what_they_may_do(
    asha: User, nadia: User, noora: User, sami: User, noor: User
) -> None:
    of_north, of_northeast, of_south = (ask(user) for user in (nadia, noora, sami))
    shown = {
        asha: ["South Net", "North Net"],
        noor: ["South Net", "Northeast Net", "North Net"],
        nadia: ["Northeast Net", "North Net"],
        noora: ["Northeast Net"],
        sami: ["South Net"],
    }
    for user, wanted in shown.items():
        assert [row[0] for row in rows_of(signed_in(user).get(LIST))] == wanted, user

    assert [row[0] for row in rows_of(signed_in(asha).get(f"{LIST}?view=parents"))] == ["Northeast Net"]
    acts = {link for link in links_of(signed_in(nadia).get(LIST)) if re.match(rf"{LIST}\d+/", link)}
    assert acts == {act_on(of_northeast, act) for act in ("approval", "refusal")} | {act_on(of_north, "cancellation")}
    assert act_on(of_south, "approval") in links_of(signed_in(asha).get(LIST))
    assert not any("/approval/" in link for link in links_of(signed_in(noor).get(LIST)))


def test_tabs_count_and_the_search_finds(asha: User, nadia: User, sami: User, noora: User) -> None:
    approve(asha, ask(nadia))
    refuse(asha, ask(sami))
    ask(noora, note="Cash")
    client = signed_in(asha)

    every = ["Waiting 0", "Waiting for parents 1", "Approved 1", "Refused 1", "All 3"]
    assert tabs_of(client.get(LIST)) == every
    found = ["Waiting 0", "Waiting for parents 1", "Approved 0", "Refused 0", "All 1"]
    assert tabs_of(client.get(f"{LIST}?q=cash")) == found
    assert [row[0] for row in rows_of(client.get(f"{LIST}?view=all&q=south"))] == ["South Net"]


def test_the_sidebar_counts_what_waits_for_ones_own_answer(asha: User, nadia: User, noora: User) -> None:
    ask(nadia)
    ask(noora)

    assert "Top-up requests 1" in body(signed_in(asha).get("/"))
    assert "Top-up requests 1" in body(signed_in(nadia).get("/"))
    assert "Top-up requests 1" not in body(signed_in(noora).get("/"))


def test_an_admin_finds_apart_what_was_asked_of_parents_and_may_answer_it(
    asha: User, nadia: User, noora: User, noor: User
) -> None:
    own, of_sub = ask(nadia), ask(noora)
    client = signed_in(asha)

    assert tabs_of(client.get(LIST))[:2] == ["Waiting 1", "Waiting for parents 1"]
    assert act_on(own, "approval") in links_of(client.get(LIST))
    assert act_on(of_sub, "approval") not in links_of(client.get(LIST))
    for view in ("parents", "all"):
        assert act_on(of_sub, "approval") in links_of(client.get(f"{LIST}?view={view}"))
    for user, waiting in ((nadia, 2), (noora, 1), (noor, 2)):
        assert tabs_of(signed_in(user).get(LIST))[:2] == [f"Waiting {waiting}", "Approved 0"], user


def test_an_admin_who_answers_for_a_parent_is_told_whose_money_it_is(asha: User, nadia: User, noora: User) -> None:
    own, of_sub = ask(nadia), ask(noora)
    said = "North Net was asked for this, not you. If you approve it, the money comes from the platform’s account."

    assert said in body(signed_in(asha).get(act_on(of_sub, "approval")))
    assert "was asked for this" not in body(signed_in(asha).get(act_on(own, "approval")))
    assert "was asked for this" not in body(signed_in(nadia).get(act_on(of_sub, "approval")))


def test_the_number_of_queries_does_not_grow(asha: User, nadia: User, north: Reseller) -> None:
    for user in (asha, nadia):
        client, costs = signed_in(user), []
        for more in (1, 5):
            for number in range(more):
                sub = make_reseller(asha, f"{user.username}{more}{number}", "Sub Net", parent=north).user
                approve(asha, ask(sub))
                ask(sub)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"{LIST}?view=all").status_code == 200
            costs.append(len(captured))

        assert costs[0] == costs[1] <= 10, captured.captured_queries


def test_a_reseller_asks_from_its_own_page_and_from_its_first_steps(nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)

    assert ASK in links_of(client.get(f"/resellers/{north.pk}/transactions/"))
    assert ASK in links_of(client.get("/"))
