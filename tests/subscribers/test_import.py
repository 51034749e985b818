"""The import itself: all of the lines or none, each charged once, in the name of whoever pressed."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from accounts.seats import Seat
from audit.actions import Action
from audit.identity import Origin
from audit.models import AuditEntry
from ispanel import crypto
from network.models import CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import delete_reseller, suspend_reseller, withdraw_from_reseller
from subscribers import tasks
from subscribers.import_models import KEPT_FOR, ImportState, SubscriberImport
from subscribers.imports import working, writing
from subscribers.imports.keeping import FileGone, erase_old_files, generated_in
from subscribers.models import PeriodKind, Renewal, Status, Subscriber, purpose_of_subscriber_password
from subscribers.operations import expire_due, imports, renew_due
from subscribers.operations.details import ResellerOutOfScope
from subscribers.operations.imports import BeingDone, NotChecked
from tests.cast import NOW, fund, group, make_plan, make_staff, seat_of
from tests.failing import FailsAt
from tests.jobs import enqueued, run_inline, run_jobs, waiting
from tests.subscribers.files import again, ask_for_check, checked, csv_of, imported, many, press, problems, upload
from tests.subscribers.lines import LINE_PASSWORD, add, balance_of, everything
from tests.threads import at_once
from wallet.models import Transfer

TWO = csv_of(["amal", LINE_PASSWORD, "Home"], ["badr", "", "Home"])
#: What that leaves of papers, where both are charged.
PAPERS = {"invoices": 2, "numbers": 2}


@pytest.fixture
def funded(asha: User, north: Reseller) -> Reseller:
    """Return North with 1,000.00."""
    fund(north.wallet, "1000", actor=asha)
    return north


def added(before: dict[str, int]) -> dict[str, int]:
    """Return what there is more than before."""
    return {name: now - before[name] for name, now in everything().items() if now != before[name]}


def run(held: SubscriberImport) -> SubscriberImport:
    """Let the worker do what was asked, and return what came of it."""
    assert run_inline(tasks.import_subscribers) == 1
    return again(held)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_lines_are_activated_and_charged_as_if_each_had_been_added(nadia: User, funded: Reseller, home: Plan) -> None:
    before = everything()

    held = imported(nadia, funded, TWO)

    amal, badr = Subscriber.objects.order_by("pk")
    assert (held.state, held.total, held.row_count) == (ImportState.IMPORTED, 50, 2)
    assert (held.first_username, held.last_username) == ("amal", "badr")
    assert (amal.status, badr.status, amal.reseller, amal.plan) == (Status.ACTIVE, Status.ACTIVE, funded, home)
    assert amal.expires_at == home.end_of_period(amal.created_at)
    assert balance_of(funded) == 950
    periods = Renewal.objects.select_related("transfer").order_by("pk")
    assert [(each.subscriber, each.kind, each.price, each.worth) for each in periods] == [
        (amal, PeriodKind.ACTIVATION, 25, 25),
        (badr, PeriodKind.ACTIVATION, 25, 25),
    ]
    assert [each.transfer.note for each in periods if each.transfer] == ["amal · Home", "badr · Home"]
    assert added(before) == {
        "subscribers": 2,
        "renewals": 2,
        "transfers": 2,
        "entries": 4,
        "audit_entries": 6,
        **PAPERS,
    }


def test_one_imported_line_is_as_one_that_was_added(asha: User, nadia: User, funded: Reseller, home: Plan) -> None:
    details = {"full_name": "Amal Haddad", "phone": "0700", "mac": "AA:BB:CC:DD:EE:FF", "auto_renew": True, "note": "x"}
    now = timezone.now()
    add(nadia, funded, home, "by.hand", now=now, **details)
    columns = ("username", "password", "plan", *details)
    row = ["by.file", LINE_PASSWORD, "Home", *({True: "yes"}.get(value, value) for value in details.values())]

    imported(nadia, funded, csv_of(row, columns=columns))

    own = {"id", "username", "password_ciphertext", "created_at", "updated_at", "expires_at"}
    by_hand, by_file = (
        {name: value for name, value in row.items() if name not in own}
        for row in Subscriber.objects.order_by("pk").values()
    )
    assert by_file == by_hand
    assert [
        (each.kind, each.price, each.retail_price, each.worth, each.quota_mb) for each in Renewal.objects.all()
    ] == [(PeriodKind.ACTIVATION, 25, 25, 25, None)] * 2


def test_unpaid_lines_are_saved_as_expired_and_cost_nothing(nadia: User, funded: Reseller, home: Plan) -> None:
    before = everything()

    imported(nadia, funded, TWO, activates=False)

    assert {(line.expires_at, line.status) for line in Subscriber.objects.all()} == {(None, Status.EXPIRED)}
    assert balance_of(funded) == 1000
    assert added(before) == {"subscribers": 2, "audit_entries": 4}


def test_each_line_and_the_import_stand_in_the_trail_in_the_name_of_who_pressed(
    asha: User, funded: Reseller, home: Plan
) -> None:
    seat = Seat(seat_of(asha).login, seat_of(funded.user).login, Origin("203.0.113.4", "Firefox", "abc"))
    held = imports.upload_file(actor=seat, reseller=funded, file_name="may.csv", content=TWO.encode(), now=NOW)
    held = imports.ask_for_check(
        actor=seat, import_id=held.pk, matching=["username", "password", "plan"], plan=None, activates=True, now=NOW
    )
    run_inline(tasks.check_import)
    imports.ask_for_import(actor=seat, import_id=held.pk, number=again(held).number, now=NOW)
    run(held)

    rows = AuditEntry.objects.filter(action__startswith="subscriber").order_by("pk")
    assert {(row.actor_name, row.on_behalf_of_name, row.address, row.request_id) for row in rows} == {
        ("asha", "nadia", "203.0.113.4", "abc")
    }
    assert {row.reseller_id for row in rows} == {funded.pk}
    assert [(row.action, row.object_name) for row in rows] == [
        (Action.SUBSCRIBER_CREATED, "amal"),
        (Action.SUBSCRIBER_CREATED, "badr"),
        (Action.SUBSCRIBER_ACTIVATED, "amal"),
        (Action.SUBSCRIBER_ACTIVATED, "badr"),
        (Action.SUBSCRIBERS_IMPORTED, "may.csv"),
    ]
    created, whole = rows[0], rows[4]
    assert created.changes == {"plan": [None, "Home"], "reseller": [None, "North Net"]}
    assert (created.object_type, created.detail) == ("subscriber", "may.csv")
    assert (whole.object_type, whole.object_id) == ("subscriberimport", held.pk)
    assert whole.changes == {"rows": [None, 2], "charged": [None, "50"]}


def test_the_books_agree_afterwards(committing: None, nadia: User, funded: Reseller, home: Plan) -> None:
    make_plan("Staff", "0")
    imported(nadia, funded, csv_of(["amal", "", "Home"], ["badr", "", "Staff"], ["carla", "", "Home"]))

    call_command("verify_ledger")
    assert balance_of(funded) == 950
    assert Renewal.objects.get(subscriber__username="badr").transfer is None


def test_a_line_s_own_retail_price_counts_in_its_period(nadia: User, funded: Reseller, home: Plan) -> None:
    text = csv_of(["amal", "Home", "40"], ["badr", "Home", ""], columns=("username", "plan", "retail_price"))

    imported(nadia, funded, text)

    assert list(Renewal.objects.order_by("pk").values_list("price", "retail_price")) == [(25, 40), (25, 25)]


def test_passwords_are_encrypted_and_missing_ones_generated(nadia: User, funded: Reseller, home: Plan) -> None:
    held = imported(nadia, funded, TWO)

    kept = {
        line.username: crypto.decrypt(line.password_ciphertext, purpose=purpose_of_subscriber_password(line.username))
        for line in Subscriber.objects.all()
    }
    assert kept["amal"] == LINE_PASSWORD
    assert held.generated_count == 1
    assert generated_in(held) == [("badr", kept["badr"])]
    assert len(kept["badr"]) == 16
    assert kept["badr"].isalnum()


def test_the_file_and_what_was_found_in_it_are_erased_by_the_import(nadia: User, funded: Reseller, home: Plan) -> None:
    imported(nadia, funded, TWO)

    row = SubscriberImport.objects.values().get()
    assert (row["file_ciphertext"], row["problems_ciphertext"]) == (None, None)
    assert row["erased_at"]


# --- a migration by an admin ------------------------------------------------------------------------------------------


def migrated(actor: User, reseller: Reseller, *rows: list[Any]) -> SubscriberImport:
    return imported(
        actor, reseller, csv_of(*rows, columns=("username", "plan", "expires_at", "auto_renew")), activates=False
    )


def test_lines_that_come_with_an_expiry_run_until_then_and_were_paid_elsewhere(
    committing: None, asha: User, funded: Reseller, home: Plan
) -> None:
    until = (timezone.now() + timedelta(days=12)).replace(microsecond=0)

    migrated(asha, funded, ["amal", "Home", until.isoformat(), "no"])

    line, period = Subscriber.objects.get(), Renewal.objects.get()
    assert (line.status, line.expires_at) == (Status.ACTIVE, until)
    assert (period.kind, period.starts_at, period.ends_at) == (PeriodKind.ACTIVATION, line.created_at, until)
    assert (period.price, period.retail_price, period.worth, period.retail_worth, period.transfer) == (0, 0, 0, 0, None)
    assert balance_of(funded) == 1000
    assert not Transfer.objects.filter(kind="activation").exists()
    created = AuditEntry.objects.get(action=Action.SUBSCRIBER_CREATED)
    assert created.changes["expires_at"] == [None, until.isoformat()]
    call_command("verify_ledger")


def test_lines_that_expired_elsewhere_are_expired_here_and_no_access_server_is_told(
    asha: User, funded: Reseller, home: Plan
) -> None:
    migrated(asha, funded, ["amal", "Home", "2026-01-31", "no"], ["badr", "Home", "", "no"])

    expire_due(reseller_id=funded.pk, now=timezone.now())

    assert {line.status for line in Subscriber.objects.all()} == {Status.EXPIRED}
    assert not Renewal.objects.exists()
    assert not CoaRequest.objects.exists()


def test_an_expired_line_with_auto_renew_is_renewed_by_the_worker(asha: User, funded: Reseller, home: Plan) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    migrated(asha, funded, ["amal", "Home", yesterday.isoformat(), "yes"])

    renew_due(reseller_id=funded.pk, now=timezone.now())

    assert Subscriber.objects.get().status == Status.ACTIVE
    assert balance_of(funded) == 975


# --- all or nothing ---------------------------------------------------------------------------------------------------


def not_imported(held: SubscriberImport) -> str:
    """Let the worker try; return why nothing came of it."""
    before = everything()
    held = run(held)
    assert (held.state, held.has_file) == (ImportState.CHECKED, True)
    assert {name: more for name, more in added(before).items() if name != "audit_entries"} == {}
    return held.refusal


def test_without_enough_money_for_all_nothing_is_imported_and_what_is_missing_is_named(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "49.99", actor=asha)
    held = checked(nadia, north, TWO)
    press(nadia, held)

    assert not_imported(held) == "0.01 USD is missing: 50.00 USD is needed and 49.99 USD is available."

    fund(north.wallet, "0.01", actor=asha)
    press(nadia, again(held))
    assert run(held).is_imported
    assert balance_of(north) == 0


def test_money_that_goes_while_the_lines_are_written_is_missed_too(
    monkeypatch: pytest.MonkeyPatch, committing: None, asha: User, nadia: User, funded: Reseller, home: Plan
) -> None:
    monkeypatch.setattr(writing, "AT_ONCE", 3)
    held = checked(nadia, funded, many(8))
    press(nadia, held)

    def withdraw() -> Transfer:
        return withdraw_from_reseller(
            actor=seat_of(asha), reseller_id=funded.pk, amount=Decimal(880), note="", now=timezone.now()
        )

    def withdraw_meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        if sql == writing.IDS and balance_of(funded) == 1000:
            at_once(withdraw)
        return execute(sql, *rest)

    with connection.execute_wrapper(withdraw_meanwhile):
        held = run(held)

    assert held.refusal == "80.00 USD is missing: 200.00 USD is needed and 120.00 USD is available."
    assert not Subscriber.objects.exists()
    assert balance_of(funded) == 120


def test_a_name_that_was_taken_since_the_check_stops_all_and_is_named(
    asha: User, nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, TWO)
    add(asha, funded, home, "badr", activate=False)
    press(nadia, held)

    assert not_imported(held) == ("Nothing was imported: something has changed since the check. See below what it is.")
    held = again(held)
    assert problems(held) == [(3, "username", "badr", "The username “badr” is taken. Choose another one.")]
    assert not held.can_be_imported


def test_a_price_that_changed_since_the_check_stops_all(nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, TWO)
    Plan.objects.update(price=30)
    press(nadia, held)

    assert not_imported(held).startswith("The price has changed to 60.00 USD meanwhile.")


def test_a_plan_that_was_taken_from_the_reseller_since_the_check_stops_all(
    nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, TWO)
    funded.service_groups.clear()
    press(nadia, held)

    assert not_imported(held).startswith("North Net has no service group, so it can sell nothing.")


def test_it_leaves_nothing_behind_wherever_it_fails(
    committing: None, nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, TWO)
    press(nadia, held)
    [asked] = enqueued(tasks.import_subscribers)
    before = everything()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                working.import_file(**asked, now=timezone.now())
            break
        except OperationalError:
            assert everything() == before, f"statement {number} left something behind: {failing.seen[-1]}"
            assert balance_of(funded) == 1000
            SubscriberImport.objects.update(tries=0)

    assert again(held).is_imported
    assert added(before) == {
        "subscribers": 2,
        "renewals": 2,
        "transfers": 2,
        "entries": 4,
        "audit_entries": 5,
        **PAPERS,
    }


def test_what_fails_again_and_again_is_given_up_and_said(
    monkeypatch: pytest.MonkeyPatch, nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, TWO)
    press(nadia, held)
    [asked] = enqueued(tasks.import_subscribers)

    def fail(*_arguments: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(working, "carry_out", fail)
    states = []
    for _try in range(working.TRIES):
        with pytest.raises(OperationalError):
            working.import_file(**asked, now=NOW)
        states.append(again(held).state)

    assert states == [*["importing"] * (working.TRIES - 1), "checked"]
    assert again(held).refusal == "The worker could not finish it, and nothing was imported. Try it again."


# --- once -------------------------------------------------------------------------------------------------------------


def test_pressed_twice_it_is_imported_once(nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, TWO)

    press(nadia, held)
    press(nadia, held)

    assert len(enqueued(tasks.import_subscribers)) == 1
    run_inline(tasks.import_subscribers)
    press(nadia, held)
    assert enqueued(tasks.import_subscribers) == []
    assert balance_of(funded) == 950


def test_pressed_twice_at_once_it_is_imported_once(committing: None, nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, TWO)

    first, second = at_once(*[lambda: press(nadia, held)] * 2)

    assert first == second == held
    assert len(enqueued(tasks.import_subscribers)) == 1


def test_done_by_two_workers_at_once_it_is_imported_once(
    committing: None, nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, many(40))
    press(nadia, held)
    [asked] = enqueued(tasks.import_subscribers)

    results = at_once(*[lambda: working.import_file(**asked, now=timezone.now())] * 3)

    assert results == [None] * 3
    assert (Subscriber.objects.count(), Transfer.objects.filter(kind="activation").count()) == (40, 40)
    assert balance_of(funded) == 0
    assert AuditEntry.objects.filter(action=Action.SUBSCRIBERS_IMPORTED).count() == 1


def test_one_name_in_two_files_at_once_is_had_by_one(
    committing: None, asha: User, nadia: User, sami: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    helds = [checked(nadia, funded, TWO, activates=False), checked(sami, south, TWO, activates=False)]
    for actor, held in zip((nadia, sami), helds, strict=True):
        press(actor, held)

    now = timezone.now()
    at_once(*[partial(working.import_file, **asked, now=now) for asked in enqueued(tasks.import_subscribers)])

    states = sorted(again(held).state for held in helds)
    assert states == ["checked", "imported"]
    assert Subscriber.objects.count() == 2


def test_another_check_makes_what_was_shown_before_worthless(nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, TWO)
    ask_for_check(nadia, held, activates=False)
    with pytest.raises(BeingDone, match="This file is being checked"):
        press(nadia, held)
    run_inline(tasks.check_import)

    with pytest.raises(NotChecked):
        press(nadia, held)


def test_a_file_with_errors_is_not_imported_however_it_is_asked_for(nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, csv_of(["am al", "", "Home"]))

    with pytest.raises(NotChecked, match="Only a file that was checked, and that nothing is wrong with"):
        press(nadia, held)


# --- who --------------------------------------------------------------------------------------------------------------


def suspended(asha: User, north: Reseller) -> None:
    suspend_reseller(actor=seat_of(asha), reseller_id=north.pk, reason="unpaid", now=NOW)


def without_the_right(_asha: User, north: Reseller) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=group("SUPPORT"))


def removed(_asha: User, north: Reseller) -> None:
    User.objects.filter(pk=north.user_id).update(is_active=False)


LOST = {
    "suspended": (suspended, "nadia may not sign in any more."),
    "without the right": (without_the_right, "nadia may not import subscribers any more."),
    "removed": (removed, "nadia may not sign in any more."),
}


@pytest.mark.parametrize(("lose", "sentence"), LOST.values(), ids=LOST)
def test_who_may_not_any_more_when_it_is_done_imports_nothing(
    asha: User, nadia: User, funded: Reseller, home: Plan, lose: Any, sentence: str
) -> None:
    held = checked(nadia, funded, TWO)
    press(nadia, held)
    lose(asha, funded)

    assert not_imported(held) == sentence
    refusal = AuditEntry.objects.filter(action=Action.REFUSED).latest("pk")
    assert (refusal.actor_name, refusal.object_id, refusal.detail) == ("nadia", held.pk, sentence)


def test_the_rights_are_those_of_the_person_who_pressed_not_of_the_company(
    asha: User, funded: Reseller, home: Plan
) -> None:
    clerk = make_staff(asha, funded, "clerk", group("SALES"))
    held = checked(clerk, funded, TWO)
    press(clerk, held)
    User.objects.filter(pk=clerk.pk).update(permission_group=group("SUPPORT"))

    assert not_imported(held) == "clerk may not import subscribers any more."


def test_a_reseller_that_was_deleted_since_gets_no_lines(asha: User, north: Reseller, home: Plan) -> None:
    held = checked(asha, north, TWO, activates=False)
    press(asha, held)
    delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    assert not_imported(held) == "North Net is deleted. Restore it first."


def test_an_admin_imports_for_a_suspended_reseller(asha: User, funded: Reseller, home: Plan) -> None:
    suspended(asha, funded)

    assert imported(asha, funded, TWO).is_imported


def test_a_reseller_imports_for_itself_and_its_subs_and_the_sub_pays(
    asha: User, nadia: User, funded: Reseller, northeast: Reseller, south: Reseller, home: Plan
) -> None:
    fund(northeast.wallet, "60", actor=asha)

    imported(nadia, northeast, TWO)

    assert (balance_of(northeast), balance_of(funded)) == (10, 1000)
    assert {line.reseller for line in Subscriber.objects.all()} == {northeast}
    with pytest.raises(ResellerOutOfScope):
        upload(nadia, south, TWO)
    with pytest.raises(ResellerOutOfScope):
        upload(northeast.user, funded, TWO)


# --- the worker -------------------------------------------------------------------------------------------------------


def test_how_far_it_is_is_seen_from_outside_and_the_lines_are_not(
    monkeypatch: pytest.MonkeyPatch, committing: None, nadia: User, north: Reseller, home: Plan
) -> None:
    monkeypatch.setattr(working, "SAID_EVERY", 0)
    held = checked(nadia, north, many(2000), activates=False)
    press(nadia, held)
    [asked] = enqueued(tasks.import_subscribers)
    seen: list[tuple[int, int]] = []

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if sql == writing.IDS:
            [outside] = at_once(lambda: (again(held).progress, Subscriber.objects.count()))
            seen.append(outside)
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        working.import_file(**asked, now=timezone.now())

    assert seen == [(0, 0), (500, 0), (1000, 0), (1500, 0)]
    assert (again(held).progress, Subscriber.objects.count()) == (2000, 2000)


def test_a_check_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, nadia: User, north: Reseller, home: Plan) -> None:
    monkeypatch.setattr(working, "SAID_EVERY", 0)
    said: list[int] = []
    monkeypatch.setattr(working, "said", lambda _asked, done: said.append(done))

    checked(nadia, north, many(250))

    assert said == [0, 100, 200]


def test_it_stands_in_the_lane_of_its_reseller(nadia: User, funded: Reseller, home: Plan) -> None:
    held = checked(nadia, funded, TWO)
    press(nadia, held)

    assert [job.lock for job in waiting(tasks.import_subscribers)] == [tasks.lane_of(funded.pk)]


def test_the_worker_checks_and_imports(committing: None, nadia: User, funded: Reseller, home: Plan) -> None:
    held = ask_for_check(nadia, upload(nadia, funded, many(30), now=timezone.now()))
    run_jobs()
    press(nadia, again(held))
    run_jobs()

    assert again(held).is_imported
    assert Subscriber.objects.count() == 30
    assert balance_of(funded) == 250


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_imported_is_erased_after_a_day(nadia: User, north: Reseller, home: Plan) -> None:
    old = upload(nadia, north, TWO, now=NOW)
    new = upload(nadia, north, TWO, now=NOW + timedelta(hours=1))

    erase_old_files(now=NOW + KEPT_FOR + timedelta(minutes=10))

    old, new = again(old), again(new)
    assert (old.is_left, old.file_ciphertext) == (True, None)
    assert new.file_ciphertext
    with pytest.raises(FileGone, match="The file is not kept any more"):
        ask_for_check(nadia, old)


def test_generated_passwords_are_erased_a_day_after_the_import(nadia: User, funded: Reseller, home: Plan) -> None:
    held = imported(nadia, funded, TWO)
    assert held.imported_at

    erase_old_files(now=held.imported_at + KEPT_FOR - timedelta(minutes=1))
    assert generated_in(again(held))

    erase_old_files(now=held.imported_at + KEPT_FOR + timedelta(minutes=1))
    with pytest.raises(FileGone):
        generated_in(again(held))
    assert again(held).is_imported


@pytest.mark.parametrize("state", [ImportState.CHECKING, ImportState.IMPORTING])
def test_what_no_worker_gets_to_is_put_back_after_an_hour_and_is_not_done_later(
    nadia: User, funded: Reseller, home: Plan, state: ImportState
) -> None:
    now: datetime = timezone.now()
    held = ask_for_check(nadia, upload(nadia, funded, TWO, now=now), now=now)
    if state == ImportState.IMPORTING:
        run_inline(tasks.check_import)
        press(nadia, again(held), now=now)

    erase_old_files(now=now + timedelta(minutes=59))
    assert again(held).state == state
    erase_old_files(now=now + timedelta(minutes=61))

    before = {ImportState.CHECKING: ImportState.UPLOADED, ImportState.IMPORTING: ImportState.CHECKED}
    assert again(held).state == before[state]
    assert again(held).refusal.startswith("The worker did not get to it within an hour, so nothing was done.")
    run_inline(tasks.check_import)
    run_inline(tasks.import_subscribers)
    assert again(held).state == before[state]
    assert not Subscriber.objects.exists()


def test_what_was_put_back_in_the_midst_of_it_is_rolled_back(
    monkeypatch: pytest.MonkeyPatch, committing: None, nadia: User, funded: Reseller, home: Plan
) -> None:
    held = checked(nadia, funded, TWO, now=timezone.now())
    press(nadia, held, now=timezone.now())
    [asked] = enqueued(tasks.import_subscribers)
    before = everything()

    def give_up(_self: Any) -> None:
        at_once(lambda: erase_old_files(now=timezone.now() + timedelta(hours=2)))

    monkeypatch.setattr("subscribers.imports.writing.Writing.write", give_up)
    working.import_file(**asked, now=timezone.now())

    assert again(held).state == ImportState.CHECKED
    assert everything() == before


def test_of_one_person_five_files_are_kept(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    others = upload(asha, north, TWO)
    helds = [upload(nadia, north, TWO) for _each in range(7)]

    assert [again(held).has_file for held in helds] == [False, False, True, True, True, True, True]
    assert again(others).has_file


def test_a_key_that_is_gone_makes_the_file_unreadable_and_says_so(
    settings: Any, nadia: User, north: Reseller, home: Plan
) -> None:
    held = ask_for_check(nadia, upload(nadia, north, TWO))
    settings.ENCRYPTION_KEYS = {"other": bytes(32)}

    run_inline(tasks.check_import)

    assert again(held).state == ImportState.UPLOADED
    assert again(held).refusal == "The file is not kept any more. Upload it again."
